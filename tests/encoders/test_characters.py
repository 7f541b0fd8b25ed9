import pytest
import torch

from kinfolk.encoders.characters import CharacterTransformer
from kinfolk.errors import ConfigurationError


@pytest.fixture
def tower():
    torch.manual_seed(0)
    return CharacterTransformer(width=16, depth=1, heads=2, max_characters=8, buckets=64).eval()


def test_a_text_is_as_many_tokens_as_characters_up_to_the_limit(tower):
    tokens = tower.tokens(["ab", "", "abcdefghijkl"])
    assert tokens.shape == (3, 8, 4)
    assert (tokens[..., 0] >= 0).sum(1).tolist() == [2, 0, 8]


def test_case_and_compatible_forms_are_one(tower):
    assert tower.tokens(["ＡＢ株"]).equal(tower.tokens(["ab株"]))


def test_order_is_seen_by_the_pairs(tower):
    one, other = tower.tokens(["ab", "ba"])
    assert one[:, :2].sort(0).values.equal(other[:, :2].sort(0).values)  # the same characters
    assert not one[:, 2:].sort(0).values.equal(other[:, 2:].sort(0).values)


def test_padding_changes_nothing(tower):
    alone = tower(tower.tokens(["abc"]))
    beside = tower(tower.tokens(["abc", "abcdefgh"]))[:1]
    torch.testing.assert_close(alone, beside, rtol=0, atol=1e-5)


def test_an_empty_text_is_zeros_and_stays_finite(tower):
    assert tower(tower.tokens(["", "a"]))[0].eq(0).all()
    assert tower(tower.tokens([""])).eq(0).all()


def test_untrained_texts_that_share_characters_are_alike(tower):
    a, b, c = torch.nn.functional.normalize(tower(tower.tokens(["smith&co", "smith&c", "qpwvzxrj"])), dim=1)
    assert a @ b > a @ c


def test_half_a_surrogate_pair_is_a_character(tower):
    assert tower(tower.tokens(["\ud83d"])).isfinite().all()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"width": 10, "heads": 4}, "width must be a multiple of heads. Got 10 and 4"),
        ({"max_characters": 0}, "max_characters must be at least 1. Got 0"),
        ({"buckets": 1}, "buckets must be at least 2. Got 1"),
    ],
)
def test_impossible_options_are_refused(option, message):
    with pytest.raises(ConfigurationError, match=message):
        CharacterTransformer(**option)
