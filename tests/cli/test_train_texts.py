"""Training on texts and encoding them, through the command line."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pyarrow.parquet as pq
import pytest

from html_page import Page
from kinfolk.cli.options import MineBy

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


def test_pairs_with_mined_negatives_of_two_corpora_from_a_trained_encoder(run_kinfolk, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    words = ["".join(rng.choice(list("abdeiklmnorst"), 5)) for _ in range(60)]
    rows = []
    for row in range(48):
        corpus, topic = row % 2, row // 2 % 6
        own = words[30 * corpus + 5 * topic : 30 * corpus + 5 * topic + 5]
        question, answer = (" ".join([*rng.choice(own, 3, replace=False), f"{prefix}{row}"]) for prefix in "qa")
        rows.append(f"{question},{answer},{'ab'[corpus]},{row if row > 3 else 'same'}")
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("question,answer,domain,thing\n" + "\n".join(rows), "utf-8")
    columns = ("--column", "question", "--positive", "answer", "--corpus", "domain", "--group", "thing")
    common = ("train", pairs, *columns, "--epochs", "2", "--batch-size", "8", "--set", "learning_rate=0.001")

    first = run_kinfolk(*common, "--method", "simcse", "--mine", "bm25", "-o", tmp_path / "first", *SMALL[:6])
    assert first.code == 0, first.err
    assert "Hard negatives (bm25): for 48 of 48 items" in first.out
    assert "looked unrelated" not in first.out, "nothing is known from an encoder that was made from scratch"
    tuned = run_kinfolk(
        *common, "--method", "contriever", "--mine", "model", "--mine-set", "skip=1", "--encoder", tmp_path / "first",
        "-o", tmp_path / "tuned", "--json",
    )  # fmt: skip
    assert tuned.code == 0, tuned.err
    about = json.loads(tuned.out)
    assert about["mined"]["by"] == "model"
    assert about["mined"]["skip"] == 1
    assert 0 < about["mined"]["items"] <= 48
    assert about["far_pairs"]["pairs"] == 48
    assert 0 <= about["far_pairs"]["share"] <= 1
    assert about["corpus"] == "domain"

    crops = run_kinfolk(
        "train", pairs, "--column", "answer", "--method", "contriever", "--encoder", tmp_path / "tuned", "--epochs", "1",
        "--batch-size", "8", "-o", tmp_path / "crops", "--set", "queue_size=16",
    )  # fmt: skip
    assert "Pairs that looked unrelated to the encoder before it was trained" in crops.out, crops.err


def test_the_command_line_knows_every_place_where_negatives_are_looked_for() -> None:
    from kinfolk.methods.texts.negatives import Source

    assert [place.value for place in MineBy] == list(get_args(Source))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--mine", "bm25"), "mine needs positive"),
        (("--positive", "answer", "--mine", "model"), "'subwords' has not been trained"),
        (("--positive", "answer", "--mine-set", "pool=3"), "Say where, too (mine)"),
        (("--positive", "answer", "--mine", "bm25", "--mine-set", "pool=many"), "mining: pool must be an integer"),
        (("--positive", "answer", "--mine", "bm25", "--mine-set", "pools=3"), "Mining has no 'pools'"),
        (("--positive", "answer", "--mine", "siblings"), "need labels"),
        (("--sampling-coefficient", "1"), "Say which column holds them (corpus)"),
        (("--method", "simclr", "--mine", "bm25"), "mine: for methods that read texts only"),
        (("--method", "debcse", "--positive", "answer", "--mine", "bm25"), "makes no use of positive"),
    ],
)
def test_what_cannot_be_mined_is_said(run_kinfolk, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("question,answer\n" + "\n".join(f"who is {n},it is {n}" for n in range(20)), "utf-8")
    common = ("train", pairs, "--column", "question", "--batch-size", "8", "-o", tmp_path / "model")
    refused = run_kinfolk(*common, "--method", "simcse", *options)
    assert refused.code == 2
    assert said in " ".join(refused.err.split())


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
