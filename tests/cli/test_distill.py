"""Distilling a text encoder, through the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    from kinfolk.encoders.subword_scratch import save_subword_transformer, scratch_subword_transformer

    folder = tmp_path_factory.mktemp("teacher")
    torch.manual_seed(0)
    texts = ["red shoe", "blue shoe", "red hat"] * 4
    save_subword_transformer(scratch_subword_transformer(texts, width=8, depth=1, heads=2, vocab_size=300), folder)
    return folder


def test_from_a_transformer_to_a_table_that_the_library_reads(run_kinfolk, teacher: Path, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    from kinfolk.methods.texts.model import TextModel

    corpus, output = tmp_path / "corpus.csv", tmp_path / "fast"
    corpus.write_text("id,name\n1,red shoe\n2,\n3,blue hat\n", "utf-8")
    command = ("distill", teacher, "--texts", corpus, "--column", "name", "-o", output, "--dim", "4")
    done = run_kinfolk(*command)
    assert done.code == 0, done.err
    assert "Left out: 1 rows hold no text" in done.out
    assert "as vectors of 4 numbers a token" in done.out
    texts = ["red shoe", "blue hat and shoe"]
    vectors = TextModel.load(output).encode(texts)
    theirs = library.SentenceTransformer(str(output), device="cpu").encode(texts)
    np.testing.assert_allclose(vectors, theirs, atol=1e-5)
    again = run_kinfolk(*command)
    assert again.code == 2
    assert "Choose another folder" in again.err.replace("\n", " ")

    embedded = run_kinfolk("embed", corpus, "--column", "name", "--model", output, "-o", tmp_path / "v.npy", "--json")
    assert json.loads(embedded.out)["vectors"] == 2
    refused = run_kinfolk("distill", output, "--texts", corpus, "--column", "name", "-o", tmp_path / "other")
    assert refused.code == 2
    assert "is a TokenBag, which is fast already" in refused.err.replace("\n", " ")


def test_it_is_described(run_kinfolk, teacher: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("red shoe\nblue hat\n", "utf-8")
    done = run_kinfolk("distill", teacher, "--texts", corpus, "-o", tmp_path / "fast", "--json")
    about = json.loads(done.out)
    assert (about["dim"], about["texts"], about["teacher"]) == (8, 2, str(teacher))
    assert about["settings"] == {"dim": 256, "sif": 0.001}
