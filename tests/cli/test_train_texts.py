"""Training on texts and encoding them, through the command line."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

SMALL = ("--encoder-set", "width=16", "--encoder-set", "depth=1", "--encoder-set", "heads=2", "--set", "queue_size=16")


def test_from_lines_to_vectors_and_links(run_kinfolk, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abdeiklmnorst"), 5)) for _ in range(40)]
    corpus, model, vectors = tmp_path / "corpus.txt", tmp_path / "model", tmp_path / "vectors.parquet"
    lines = [" ".join(rng.choice(words, 12)) for _ in range(40)]
    corpus.write_text("\n".join([*lines[:20], "", *lines[20:]]), "utf-8")
    train = ("train", corpus, "--method", "contriever", "-o", model, *SMALL, "--epochs", "1", "--batch-size", "8")
    done = run_kinfolk(*train)
    assert done.code == 0, done.err
    assert "Left out: 1 rows hold no text" in done.out
    assert "contriever on 40 texts" in done.out
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


def test_from_labeled_texts_to_labels_of_others(run_kinfolk, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = {"tea": "cup leaf pot green", "sea": "wave salt ship gull"}
    lines = [(" ".join(rng.choice(words[kind].split(), 6)), kind) for kind in words for _ in range(20)]
    table, model, labels = tmp_path / "table.csv", tmp_path / "model", tmp_path / "labels.csv"
    table.write_text("words,kind\n" + "\n".join(f"{line},{kind}" for line, kind in lines), "utf-8")
    columns = ("--column", "words", "--label", "kind")
    small = ("--encoder", "bag", "--encoder-set", "width=16", "--batch-size", "8", "--set", "learning_rate=0.01")
    done = run_kinfolk("train", table, "--method", "textlabel", "-o", model, *columns, *small)
    assert done.code == 0, done.err
    new = tmp_path / "new.txt"
    new.write_text("ship wave gull\n\npot cup leaf\n", "utf-8")
    told = run_kinfolk("classify", new, "--model", model, "-o", labels, "--json")
    assert told.code == 0, told.err
    assert json.loads(told.out)["labels"] == {"sea": 1, "tea": 1}
    rows = [row.split(",")[:2] for row in labels.read_text("utf-8").splitlines()]
    assert rows == [["name", "label"], ["1", "sea"], ["3", "tea"]]
    named = run_kinfolk("classify", new, "--model", model, "--labels", "tea,salt", "-o", labels)
    assert "2 texts (" in named.out
    assert "salt 1" in named.out
    refused = run_kinfolk("classify", new, "--model", model, "--labels", "tea,tea", "-o", labels)
    assert refused.code == 2
    assert "each once. Got ['tea', 'tea']" in refused.err.replace("\n", " ")
