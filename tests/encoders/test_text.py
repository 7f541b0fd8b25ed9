import random

import numpy as np
import pytest

from kinfolk.encoders import TextEncoder
from kinfolk.encoders import text as text_module
from kinfolk.errors import DataError

WORDS = ("sony", "turntable", "belt", "drive", "black", "8-port", "switch", "naïve", "東京", "🎧")


def sentences(count):
    draw = random.Random(3)
    return [" ".join(draw.choices(WORDS, k=draw.randint(1, 40))) for _ in range(count)]


def unit(vector):
    return vector / np.linalg.norm(vector)


def test_rows_come_back_in_the_order_given(model):
    texts = sentences(300)
    vectors = TextEncoder("hashing", model).encode(texts)
    expected = np.stack([unit(model.alone(text)) for text in texts])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert model.embedded != texts  # they were sorted on the way


def test_order_does_not_depend_on_chunks_or_batches(model, new_model, monkeypatch):
    texts = sentences(100)
    whole = TextEncoder("hashing", model).encode(texts)
    monkeypatch.setattr(text_module, "TEXTS_PER_CHUNK", 7)
    monkeypatch.setattr(text_module, "TOKENS_PER_BATCH", 50)
    small = new_model()
    np.testing.assert_array_equal(TextEncoder("hashing", small).encode(texts), whole)
    assert len(small.batches) > len(model.batches)


def test_equal_texts_are_encoded_once(model):
    vectors = TextEncoder("hashing", model).encode(["red shoe", "blue shoe", "red shoe", "red shoe"])
    assert sorted(model.embedded) == ["blue shoe", "red shoe"]
    np.testing.assert_array_equal(vectors[[0, 0]], vectors[[2, 3]])
    assert not np.array_equal(vectors[0], vectors[1])


def test_blank_texts_get_zeros_and_are_not_encoded(model):
    vectors = TextEncoder("hashing", model).encode(["", "shoe", "  \n", "\u00a0"])
    assert model.embedded == ["shoe"]
    np.testing.assert_array_equal(np.linalg.norm(vectors, axis=1) > 0, [False, True, False, False])


def test_all_blank_encodes_nothing(model):
    np.testing.assert_array_equal(TextEncoder("hashing", model).encode(["", " "]), np.zeros((2, 16), np.float32))
    assert model.batches == []


def test_no_texts(model):
    vectors = TextEncoder("hashing", model).encode([])
    assert vectors.shape == (0, 16)
    assert vectors.dtype == np.float32


def test_one_text(model):
    vectors = TextEncoder("hashing", model).encode(["shoe"])
    np.testing.assert_allclose(vectors, unit(model.alone("shoe"))[None], atol=1e-7)


def test_a_model_may_give_zeros(model, monkeypatch):
    monkeypatch.setattr(model, "embed", lambda texts: np.zeros((len(texts), 16), np.float32))
    np.testing.assert_array_equal(TextEncoder("hashing", model).encode(["shoe"]), np.zeros((1, 16), np.float32))


def test_a_very_long_text_is_cut_before_the_model_sees_it(model):
    start = " ".join(["wool"] * 32)
    vectors = TextEncoder("hashing", model).encode([start, start + " cotton" * 1_000_000])
    np.testing.assert_array_equal(vectors[0], vectors[1])
    assert max(map(len, model.embedded)) <= 32 * 64


def test_a_model_without_a_limit_sees_the_whole_text(new_model):
    model = new_model(max_tokens=None)
    long = "wool " * 5_000 + "cotton"
    TextEncoder("hashing", model).encode([long])
    assert model.embedded == [long]


def test_scripts_emoji_and_half_a_surrogate_pair(model):
    texts = ["שלום עולם", "東京タワー", "👩‍👩‍👧 family", "broken \ud83d emoji", "e\u0301"]
    vectors = TextEncoder("hashing", model).encode(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(vectors[3], unit(model.alone("broken ? emoji")), atol=1e-6)


def test_the_row_of_what_is_no_string_is_named(model):
    with pytest.raises(DataError, match="Got NoneType in row 3"):
        TextEncoder("hashing", model).encode(["a", "b", None])


def test_dim_and_fingerprint_are_the_models(model):
    encoder = TextEncoder("hashing", model)
    assert (encoder.dim, encoder.fingerprint) == (16, "hashing")
