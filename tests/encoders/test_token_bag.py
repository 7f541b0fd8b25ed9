import math
import shutil

import pytest
import torch

from kinfolk.encoders.record import FieldSpec, RecordEncoder, Towers
from kinfolk.encoders.record_inputs import RecordInputs, text_field
from kinfolk.encoders.text_by_name import text_tower
from kinfolk.encoders.token_bag import TokenBag
from kinfolk.errors import ConfigurationError

pytest.importorskip("tokenizers", reason="needs kinfolk[text]: tokenizers is not installed")

TEXTS = ["red shoe", "blue shoe", "red hat", "green shoe", "shoe 東京", "Straße 5"] * 4


@pytest.fixture(scope="module")
def bag():
    torch.manual_seed(0)
    return TokenBag.of_texts(TEXTS, width=8, vocab_size=400)


def test_frequent_words_are_one_token_wherever_they_stand_and_however_written(bag):
    red_shoe, shoe_red, wide = bag.tokens(["red shoe", "Shoe  RED ", "ＲＥＤ ｓｈｏｅ"]).tolist()
    words = [number for number in red_shoe if number >= 0]
    assert len(words) == 2
    assert wide[:2] == words
    assert {words[0], words[1]} <= set(shoe_red)


def test_a_text_of_any_script_has_tokens(bag):
    tokens = bag.tokens(["Ωμέγα", "京", "🎧", "\ud83d"])
    assert (tokens >= 0).any(1).all()
    assert bag(tokens).isfinite().all()


def test_weights_start_at_the_idf(bag):
    shoe, red = (bag.tokens([text])[0, 0] for text in ("shoe", "red"))
    weights = bag.log_weights.exp()
    assert weights[shoe].item() == pytest.approx(1 + math.log(25 / 17))  # in 16 of 24 texts
    assert weights[red].item() == pytest.approx(1 + math.log(25 / 9))
    assert weights.min() >= 1


def test_features_are_the_weighted_mean_of_the_embeddings(bag):
    tokens = bag.tokens(["red shoe", "blue blue shoe", ""])
    for row, got in zip(tokens, bag(tokens), strict=True):
        numbers = row[row >= 0]
        weight = bag.log_weights[numbers].exp()[:, None]
        expected = (weight * bag.embeddings[numbers]).sum(0) / weight.sum() if len(numbers) else torch.zeros(8)
        torch.testing.assert_close(got, expected)


def test_gradients_are_slopes(bag):
    tokens = bag.tokens(["red shoe", "", "blue hat"])

    def features(embeddings, log_weights):
        return torch.func.functional_call(bag, {"embeddings": embeddings, "log_weights": log_weights}, (tokens,))

    used = [value.detach().double().requires_grad_() for value in (bag.embeddings, bag.log_weights)]
    assert torch.autograd.gradcheck(features, used, fast_mode=True)


def test_weights_of_any_size_stay_finite(bag):
    tokens = bag.tokens(["red shoe", ""])
    far = {"embeddings": bag.embeddings, "log_weights": torch.full_like(bag.log_weights, 500.0).requires_grad_()}
    got = torch.func.functional_call(bag, far, (tokens,))
    torch.testing.assert_close(got[0], bag.embeddings[tokens[0]].mean(0))
    got.sum().backward()
    assert far["log_weights"].grad.isfinite().all()


def test_padding_and_order_change_nothing(bag):
    alone, other_order = bag(bag.tokens(["red shoe"])), bag(bag.tokens(["shoe red"]))
    beside = bag(bag.tokens(["red shoe", "green shoe 東京 Straße 5"]))[:1]
    torch.testing.assert_close(alone, beside)
    torch.testing.assert_close(alone, other_order)


def test_no_texts_and_empty_ones(bag):
    assert bag.tokens([]).shape == (0, 1)
    assert bag(bag.tokens([])).shape == (0, 8)
    assert bag.tokens(["", " "]).tolist() == [[-1], [-1]]
    assert bag(bag.tokens(["", " "])).eq(0).all()


def test_long_texts_are_cut():
    assert TokenBag.of_texts(TEXTS, max_tokens=3).tokens(["red shoe blue hat green"]).shape == (1, 3)


def test_the_same_texts_give_the_same_tokenizer(bag):
    again = TokenBag.of_texts(TEXTS, width=8, vocab_size=400)
    assert again.tokenizer.to_str() == bag.tokenizer.to_str()
    torch.testing.assert_close(again.log_weights, bag.log_weights, rtol=0, atol=0)


def test_what_is_saved_is_a_text_tower_by_its_folder(bag, tmp_path):
    bag.save(tmp_path / "bag")
    tower = text_tower(str(tmp_path / "bag"), {"max_tokens": 5})
    assert isinstance(tower, TokenBag)
    assert tower.max_tokens == 5
    assert TokenBag.load(tmp_path / "bag").max_tokens == 256
    texts = ["red shoe", "東京"]
    torch.testing.assert_close(tower(tower.tokens(texts)), bag(bag.tokens(texts)), rtol=0, atol=0)


def test_it_is_a_tower_of_a_record_encoder_that_is_built_again(bag, tmp_path):
    bag.save(tmp_path / "bag")
    encoder = RecordEncoder([FieldSpec("name", "text")], Towers(dim=4, text=str(tmp_path / "bag")))
    inputs = RecordInputs((text_field("name", ["red shoe", "", "hat"]),))
    parts, _ = encoder(inputs)
    assert parts[1].eq(0).all()
    parts[0, 0, 0].backward()
    assert encoder.towers["text"].log_weights.grad.ne(0).any()
    encoder.keep(tmp_path / "kept")
    shutil.rmtree(tmp_path / "bag")
    again = RecordEncoder.of(encoder.describe(), kept=tmp_path / "kept")
    again.load_state_dict(encoder.state_dict())
    torch.testing.assert_close(again(inputs)[0], parts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width must be at least 1. Got 0"),
        ({"max_tokens": 0}, "max_tokens must be at least 1. Got 0"),
        ({"vocab_size": 260}, "vocab_size must be at least 261, .* Got 260"),
        ({"min_count": 0}, "min_count must be at least 1. Got 0"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=message):
        TokenBag.of_texts(TEXTS, **options)


def test_a_folder_without_a_bag_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"folder of a saved bag of tokens. It has no token_bag.json"):
        TokenBag.load(tmp_path)
