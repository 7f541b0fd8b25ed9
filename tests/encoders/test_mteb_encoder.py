"""What mteb 2 asks of an encoder, asked by a stand-in, as mteb is no dependency."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from hashing_model import HashingModel
from kinfolk.encoders import TextEncoder
from kinfolk.encoders.mteb_encoder import MtebEncoder

ENCODER = TextEncoder("hashing", HashingModel(fingerprint="f1"))


def test_all_batches_are_encoded_in_order_whatever_else_is_handed_over() -> None:
    batches = [{"text": ["one two", "three"], "title": ["", ""]}, {"text": ["", "one"]}]
    asked = {"task_metadata": SimpleNamespace(name="STS12"), "hf_split": "test", "hf_subset": "default"}
    vectors = MtebEncoder(ENCODER, name="mine").encode(
        iter(batches), **asked, prompt_type="query", batch_size=32, show_progress_bar=True
    )
    assert np.array_equal(vectors, ENCODER.encode(["one two", "three", "", "one"]))


def test_similarities_are_cosines_of_one_vector_or_many() -> None:
    encoder = MtebEncoder(ENCODER, name="mine")
    first, second = np.array([[3.0, 0], [0, 2]]), np.array([[1.0, 1], [0, 0]])
    assert encoder.similarity(first, second) == pytest.approx(np.array([[0.5**0.5, 0], [0.5**0.5, 0]]))
    assert encoder.similarity_pairwise(first, second) == pytest.approx([0.5**0.5, 0])
    assert encoder.similarity(first[0], first) == pytest.approx(np.array([[1, 0]]))


@pytest.mark.parametrize(
    ("name", "shown"), [("mine", "kinfolk/mine"), ("models/run/7", "kinfolk/7"), ("me/it", "me/it")]
)
def test_the_card_names_the_model_and_its_weights(monkeypatch: pytest.MonkeyPatch, name: str, shown: str) -> None:
    class ModelMeta:
        @classmethod
        def create_empty(cls, overwrites: dict[str, str]) -> dict[str, str]:
            return overwrites

    models = ModuleType("mteb.models")
    models.ModelMeta = ModelMeta
    monkeypatch.setitem(sys.modules, "mteb", ModuleType("mteb"))
    monkeypatch.setitem(sys.modules, "mteb.models", models)
    card = MtebEncoder(ENCODER, name=name).mteb_model_meta
    assert card == {"name": shown, "revision": "f1", "similarity_fn_name": "cosine"}
