"""Texts that break encoders: each gets a vector, alone and beside others, and none holds a NaN."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("sentence_transformers", reason="needs kinfolk[text]: sentence-transformers is not installed")

import torch

from kinfolk.encoders import TextEncoder, load_text_encoder, sentence_transformer
from kinfolk.encoders.text_by_name import text_tower_for
from kinfolk.errors import ConfigurationError
from kinfolk.methods.embed_stream import embed_stream
from kinfolk.methods.texts.model import TextModel
from kinfolk.methods.texts.opened import open_text_encoder

WORDS = [
    f"{color} {thing} of {town}" for color in ("red", "blue") for thing in ("shoe", "hat") for town in ("York", "Hull")
]
STRANGE = {
    "empty": "",
    "blank": " \n\t\u00a0",
    "one word": "shoe",
    "one letter": "x",
    "100,000 characters": "red shoe " * 11_112,
    "100,000 characters in one word": "s" * 100_000,
    "emoji only": "🎧👩‍👩‍👧🏳️‍🌈",
    "right to left": "שלום עולם \u202bمرحبا\u202c",
    "NUL": "red\0shoe",
    "NUL only": "\0",
    "half an emoji": "red \ud83d",
    "accents only": "\u0301\u0301",
    "control characters": "\x01\x02\x7f\ufffe",
}
SIZES = {
    "characters": {"width": 16, "depth": 1, "heads": 2, "max_characters": 32},
    "bag": {"width": 16, "max_tokens": 16},
    "subwords": {"width": 16, "depth": 2, "heads": 2, "max_tokens": 16},
}

pytestmark = pytest.mark.filterwarnings("default")  # libraries announce their own future changes


def model_of(name: str) -> TextModel:
    torch.manual_seed(0)
    tower = text_tower_for(WORDS, name, SIZES[name]).eval()
    return TextModel(tower, {"encoder": name, "encoder_settings": SIZES[name]})


NO_OPENVINO = pytest.mark.skipif(
    find_spec("openvino") is None, reason="needs kinfolk[openvino]: OpenVINO is not installed"
)


@pytest.fixture(
    scope="module",
    params=[
        "characters",
        "bag",
        "subwords",
        "packed in float32",
        "packed in bfloat16",
        "as the library runs it",
        pytest.param("openvino in float32", marks=[pytest.mark.openvino, NO_OPENVINO]),
        pytest.param("openvino in bfloat16", marks=[pytest.mark.openvino, NO_OPENVINO]),
    ],
)
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TextModel | TextEncoder:
    """Every way in which texts become vectors."""
    if request.param in SIZES:
        return model_of(request.param)
    folder = model_of("subwords").save(tmp_path_factory.mktemp("model"))
    if request.param == "as the library runs it":
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("kinfolk.encoders.packed_bert.is_packable", lambda _model: False)
            return load_text_encoder(folder, precision="float32")
    way, _, precision = request.param.partition(" in ")
    return load_text_encoder(folder, precision=precision, backend="openvino" if way == "openvino" else "torch")


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_text_has_a_vector_of_its_own(encoder: TextModel | TextEncoder, name: str) -> None:
    alone = encoder.encode([STRANGE[name]])
    beside = encoder.encode(["red shoe of York", STRANGE[name], "hat"])
    lengths = np.linalg.norm(beside, axis=1)
    assert np.isfinite(beside).all()
    np.testing.assert_allclose(alone[0], beside[1], atol=1e-6)
    # a bag has nothing of a text without a token that it knows
    says_nothing = name in ("empty", "blank") or (isinstance(encoder, TextModel) and not alone.any())
    np.testing.assert_allclose(lengths, [1, 0 if says_nothing else 1, 1], atol=1e-5)


def test_only_texts_without_a_known_token_have_no_direction() -> None:
    vectors = model_of("bag").encode(list(STRANGE.values()))
    known = {"one word", "100,000 characters", "NUL"}
    assert known <= {name for name, vector in zip(STRANGE, vectors, strict=True) if vector.any()}


def test_strange_texts_through_a_file(tmp_path: Path, encoder: TextModel | TextEncoder) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in STRANGE.values()]
    pq.write_table(pa.table({"text": texts}), tmp_path / "texts.parquet")
    written = embed_stream(tmp_path / "texts.parquet", tmp_path / "vectors.npy", encoder=encoder)
    vectors = np.load(tmp_path / "vectors.npy")
    assert len(vectors) == written.num == len(STRANGE) - 2
    assert np.isfinite(vectors).all()


@pytest.mark.parametrize("saved", [False, True])
def test_what_is_not_finite_is_refused(tmp_path: Path, saved: bool) -> None:
    model = model_of("subwords")
    with torch.no_grad():
        next(model.encoder.parameters()).fill_(torch.nan)
    encoder = load_text_encoder(model.save(tmp_path), precision="float32") if saved else model
    with pytest.raises(ConfigurationError, match="must give finite numbers.* gives others for the text 'red shoe'"):
        encoder.encode(["red shoe"])


@pytest.mark.parametrize("name", SIZES)
def test_a_trained_model_is_opened_with_its_vectors(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_transformer, "processor_has_fast_bfloat16", lambda: False)  # which would round them
    model = model_of(name)
    opened = open_text_encoder(model.save(tmp_path))
    assert isinstance(opened, TextEncoder) == (name == "subwords")
    texts = [*WORDS, "red shoe " * 100]
    np.testing.assert_allclose(opened.encode(texts), model.encode(texts), atol=1e-5)
