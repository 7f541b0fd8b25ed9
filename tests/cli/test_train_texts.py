"""Training on texts and encoding them, through the command line."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from html_page import Page

pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

SMALL = ("--encoder-set", "width=16", "--encoder-set", "depth=1", "--encoder-set", "heads=2", "--set", "queue_size=16")


def test_from_lines_to_vectors_and_links(run_kinfolk, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abdeiklmnorst"), 5)) for _ in range(40)]
    corpus, model, vectors = tmp_path / "corpus.txt", tmp_path / "model", tmp_path / "vectors.parquet"
    lines = [" ".join(rng.choice(words, 12)) for _ in range(40)]
    corpus.write_text("\n".join([*lines[:20], "", *lines[20:]]), "utf-8")
    train = ("train", corpus, "--method", "contriever", "-o", model, *SMALL, "--epochs", "1", "--batch-size", "8",
             "--held-out", "2")  # fmt: skip
    done = run_kinfolk(*train)
    assert done.code == 0, done.err
    assert "Left out: 1 rows hold no text" in done.out
    assert "contriever on 38 texts" in done.out
    assert f"Report: {model / 'report.html'}" in done.out.replace("\n", "")
    assert "Texts that were held out of the training" in Page(model / "report.html").text
    refused = run_kinfolk(*train[:4], "-o", tmp_path / "other", "--size", "64")
    assert refused.code == 2
    assert "size: for methods that read images only" in refused.err.replace("\n", " ")

    embedded = run_kinfolk("embed", corpus, "--model", model, "-o", vectors, "--json")
    assert json.loads(embedded.out)["vectors"] == 40
    assert pq.read_table(vectors).column("name").to_pylist()[19:21] == ["20", "22"]

    table = tmp_path / "table.csv"
    table.write_text("id,words\n" + "\n".join(f"{row},{line}" for row, line in enumerate(lines)), "utf-8")
    linked = run_kinfolk("link", table, table, "-o", tmp_path / "links.csv", "--encoder", model, "--json")
    assert json.loads(linked.out)["links"] == 40, linked.err


def test_some_layers_of_a_trained_model_by_its_name(run_kinfolk, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    from kinfolk.methods.texts.model import TextModel

    corpus, whole, small = tmp_path / "corpus.txt", tmp_path / "whole", tmp_path / "small"
    texts = [f"{color} {thing}" for color in ("red", "blue", "green") for thing in ("shoe", "hat", "coat")]
    corpus.write_text("\n".join(texts), "utf-8")
    train = ("train", corpus, "--method", "simcse", "--epochs", "1", "--batch-size", "3", "--no-report", "--json")
    sizes = [part for size in ("width=8", "depth=3", "heads=2") for part in ("--encoder-set", size)]
    assert run_kinfolk(*train, "-o", whole, *sizes).code == 0
    done = run_kinfolk(*train, "-o", small, "--encoder", whole, "--encoder-set", "layers=2")
    assert done.code == 0, done.err
    assert not (small / "report.html").exists()
    theirs = library.SentenceTransformer(str(small), device="cpu")
    assert theirs[0].auto_model.config.num_hidden_layers == 2
    np.testing.assert_allclose(TextModel.load(small).encode(texts), theirs.encode(texts), atol=1e-5)
    refused = run_kinfolk(*train, "-o", tmp_path / "other", "--encoder", whole, "--encoder-set", "layers=4")
    assert refused.code == 2
    assert "layers must be in [1, 3]" in refused.err.replace("\n", " ")
