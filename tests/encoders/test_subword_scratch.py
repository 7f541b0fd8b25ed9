import pytest
import torch

from kinfolk.encoders.mixture import upcycle
from kinfolk.encoders.subword_scratch import save_subword_transformer, scratch_subword_transformer
from kinfolk.encoders.subwords import SubwordTransformer
from kinfolk.encoders.text_by_name import text_tower
from kinfolk.errors import ConfigurationError

pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

TEXTS = ["red shoe", "blue shoe", "red hat", "green shoe", "shoe 東京", "Straße 5"] * 4
SMALL = {"width": 8, "depth": 2, "heads": 2, "max_tokens": 6, "vocab_size": 300}


@pytest.fixture(scope="module")
def tower():
    torch.manual_seed(0)
    return scratch_subword_transformer(TEXTS, **SMALL).eval()


def test_texts_start_and_end_with_their_marks_and_are_cut(tower):
    tokens = tower.tokens(["red shoe", "", "one two three four five six \ud83d"])
    assert tokens[0].tolist()[0] == 2
    assert tokens[0].tolist()[3:] == [3, -1, -1]
    assert tokens[1].tolist() == [2, 3, -1, -1, -1, -1]
    assert tokens[2].tolist()[0] == 2
    assert tokens[2].tolist()[-1] == 3


def test_every_weight_learns(tower):
    tower(tower.tokens(["red shoe", "東京 hat"])).square().sum().backward()
    assert all(parameter.grad is not None for parameter in tower.parameters())


def test_dropout_makes_two_views_of_a_text_in_training_only():
    tower = scratch_subword_transformer(TEXTS, **SMALL, dropout=0.3)
    tokens = tower.tokens(["red shoe"])
    assert not torch.allclose(tower(tokens), tower(tokens))
    tower.eval()
    torch.testing.assert_close(tower(tokens), tower(tokens), rtol=0, atol=0)


def test_it_is_saved_with_its_vocabulary_and_found_by_its_folder(tower, tmp_path):
    save_subword_transformer(tower, tmp_path / "tower")
    loaded = text_tower(str(tmp_path / "tower"), {"max_tokens": 6}).eval()
    assert isinstance(loaded, SubwordTransformer)
    texts = ["Red  shoe", "", "東京 never seen"]
    assert loaded.tokens(texts).equal(tower.tokens(texts))
    torch.testing.assert_close(loaded(loaded.tokens(texts)), tower(tower.tokens(texts)))


def test_a_mixture_is_made_of_it(tower):
    mixture = upcycle(tower.model, 2, pooling="mean")
    tokens = tower.tokens(["red shoe", "hat"])
    torch.testing.assert_close(mixture(tokens, torch.tensor([1, 0])), tower(tokens))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 9}, "width must be a multiple of heads. Got 9 and 2"),
        ({"depth": 0}, "depth must be at least 1. Got 0"),
        ({"max_tokens": 2}, "max_tokens must be at least 3. Got 2"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\). Got 1.0"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        scratch_subword_transformer(TEXTS, **{**SMALL, **options})
