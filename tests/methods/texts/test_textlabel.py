"""Text against label: what it is asked about, that it learns from labels and from words, and that it goes on."""

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
import torch.nn.functional as F

import kinfolk
from kinfolk.data.texts import Texts, read_texts
from kinfolk.encoders.text_by_name import text_tower_for
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation import evaluate_labels
from kinfolk.methods.texts.label_vectors import label_vectors
from kinfolk.methods.texts.method import TextBatch
from kinfolk.methods.texts.model import MATCH, TextModel
from kinfolk.methods.texts.textlabel import textlabel

pytest.importorskip("transformers", reason="needs kinfolk[text]: transformers is not installed")

BAG = {"width": 24, "vocab_size": 600}
SUBWORDS = {"width": 16, "depth": 1, "heads": 2, "max_tokens": 24, "vocab_size": 400}
RECIPE = {"epochs": 30, "batch_size": 20, "learning_rate": 1e-2}
MATTERS = {
    "sport": "goal match team player coach league score win cup season",
    "money": "bank stock market price trade share profit loan tax budget",
    "space": "rocket orbit star planet moon launch comet probe galaxy mars",
    "music": "song band guitar concert album drum singer piano melody choir",
}


def sentences(num: int, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Texts of eight words, six of one matter and two of any; and the matters."""
    every = [word for words in MATTERS.values() for word in words.split()]
    matters = [list(MATTERS)[at % len(MATTERS)] for at in range(num)]
    texts = [
        " ".join(rng.permutation([*rng.choice(MATTERS[matter].split(), 6), *rng.choice(every, 2)]))
        for matter in matters
    ]
    return texts, matters


def table(rng: np.random.Generator, num: int = 120) -> pa.Table:
    texts, matters = sentences(num, rng)
    return pa.table({"words": texts, "matter": matters})


def accuracy(model: TextModel, names: list[str], rng: np.random.Generator) -> float:
    texts, matters = sentences(80, rng)
    truth = np.array(matters)[:, None] == np.array(list(MATTERS))
    return evaluate_labels(model.label_probabilities(texts, names), truth).accuracy


def untrained(texts: list[str]) -> TextModel:
    torch.manual_seed(0)
    tower = text_tower_for(texts, "bag", BAG)
    return TextModel(tower, {}, match=textlabel(tower).match)


def test_it_learns_labels_from_texts(rng: np.random.Generator, tmp_path: Path) -> None:
    data = table(rng)
    model = kinfolk.train(
        data, method="textlabel", output=tmp_path, column="words", label="matter", encoder="bag",
        encoder_settings=BAG, recipe=RECIPE, settings={"words": 0},
    )  # fmt: skip
    assert accuracy(untrained(data["words"].to_pylist()), list(MATTERS), rng) < 0.5
    assert accuracy(model, list(MATTERS), rng) > 0.9


def test_words_that_stand_for_labels_tell_labels_that_were_never_shown(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    """Trained without labels, then asked by a word of each matter."""
    texts, _ = sentences(120, rng)
    model = kinfolk.train(
        texts, method="textlabel", output=tmp_path, encoder="bag", encoder_settings=BAG, recipe={**RECIPE, "epochs": 60}
    )
    names = [words.split()[0] for words in MATTERS.values()]
    assert accuracy(untrained(texts), names, rng) < 0.5
    assert accuracy(model, names, rng) > 0.9


def test_a_few_labels_go_on_from_what_was_learned_of_words(rng: np.random.Generator, tmp_path: Path) -> None:
    """Two labeled texts a matter; the tower and the matcher begin as they were saved."""
    texts, _ = sentences(120, rng)
    kinfolk.train(
        texts, method="textlabel", output=tmp_path / "words", encoder="bag", encoder_settings=BAG, recipe=RECIPE
    )
    few = {"epochs": 4, "batch_size": 8, "learning_rate": 1e-2}
    options = {"method": "textlabel", "column": "words", "label": "matter", "settings": {"words": 0}, "recipe": few}
    further = kinfolk.train(table(rng, 8), output=tmp_path / "few", encoder=str(tmp_path / "words"), **options)
    scratch = kinfolk.train(table(rng, 8), output=tmp_path / "scratch", encoder="bag", encoder_settings=BAG, **options)
    before = TextModel.load(tmp_path / "words").match
    assert not torch.equal(before.first.weight, further.match.first.weight)
    assert (before.first.weight - further.match.first.weight).abs().max() < 0.1, "it began where the other ended"
    assert accuracy(further, list(MATTERS), rng) > accuracy(scratch, list(MATTERS), rng) + 0.1


def loop_loss(match, features: torch.Tensor, vectors: torch.Tensor, own: list[int]) -> torch.Tensor:
    """Each text with its label and all others, one pair at a time."""
    of_texts = []
    for feature, label in zip(features, own, strict=True):
        pairs = []
        for other, vector in enumerate(vectors):
            hidden = F.relu(match.first(torch.cat([vector, feature])))
            pairs.append(F.binary_cross_entropy_with_logits(match.last(hidden)[0], torch.tensor(float(other == label))))
        of_texts.append(torch.stack(pairs).mean())
    return torch.stack(of_texts).mean()


@pytest.mark.parametrize(("encoder", "settings"), [("bag", BAG), ("subwords", SUBWORDS)])
def test_the_loss_of_labels_is_that_of_a_slow_loop_and_texts_without_label_are_left_out(
    encoder: str, settings: dict[str, int], rng: np.random.Generator
) -> None:
    texts = read_texts(table(rng, 12), column="words", label="matter")
    module = textlabel(text_tower_for(texts.texts, encoder, settings), words=0).eval()
    module.prepare(texts)
    labels = texts.labels.copy()
    batch = TextBatch(texts.columns, texts.rows, labels)
    features, vectors = module.features(texts.texts), label_vectors(module.encoder, texts.label_names)
    expected = loop_loss(module.match, features, vectors, labels.tolist())
    torch.testing.assert_close(module.loss(batch, torch.Generator()), expected)
    labels[4:] = -1
    expected = loop_loss(module.match, features[:4], vectors, labels[:4].tolist())
    torch.testing.assert_close(module.loss(batch, torch.Generator()), expected)


def test_a_batch_with_one_label_still_teaches(rng: np.random.Generator) -> None:
    texts = read_texts(table(rng, 8), column="words", label="matter")
    module = textlabel(text_tower_for(texts.texts, "bag", BAG), words=0)
    module.prepare(texts)
    labels = np.zeros(8, np.int64)
    module.loss(TextBatch(texts.columns, texts.rows, labels), torch.Generator()).backward()
    assert module.match.first.weight.grad.any()


def test_words_of_a_text_are_true_and_those_of_others_false() -> None:
    """Two texts with a word in common, and a matcher that tells what it is asked."""
    columns = (("red, apple", "green apple"),)
    texts = Texts(columns, np.arange(2))
    module = textlabel(text_tower_for(columns[0], "bag", BAG))
    asked: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    module.match.register_forward_pre_hook(
        lambda _, args, kwargs: asked.append((args[1], args[2], kwargs["mask"])), with_kwargs=True
    )
    module.loss(TextBatch(columns, texts.rows), torch.Generator().manual_seed(0))
    [(vectors, is_true, mask)] = asked
    names = ["red", "apple", "green"]
    known = label_vectors(module.encoder, names)
    found = [
        {(names[int((known - vectors[row, at]).square().sum(1).argmin())], bool(is_true[row, at])) for at in places}
        for row, places in enumerate([mask[row].nonzero().flatten().tolist() for row in range(2)])
    ]
    assert found == [
        {("red", True), ("apple", True), ("green", False)},
        {("green", True), ("apple", True), ("red", False)},
    ]


def test_a_label_is_the_mean_of_its_words(rng: np.random.Generator) -> None:
    tower = text_tower_for(sentences(40, rng)[0], "subwords", SUBWORDS)
    two = label_vectors(tower, ["goal match", "goal", "match"])
    lengths = (tower.pieces(["goal", "match"], most=9) >= 0).sum(1, keepdim=True)
    torch.testing.assert_close(two[0], (two[1:] * lengths).sum(0) / lengths.sum())


def test_classify_tells_new_labels_and_rows_without_text(rng: np.random.Generator, tmp_path: Path) -> None:
    model = kinfolk.train(
        table(rng), method="textlabel", output=tmp_path / "model", column="words", label="matter", encoder="bag",
        encoder_settings=BAG, recipe={**RECIPE, "epochs": 60},
    )  # fmt: skip
    texts = ["goal team coach", "", "orbit moon star"]
    found = kinfolk.classify(texts, model=tmp_path / "model")
    assert found.labels == tuple(sorted(MATTERS))
    assert found.names == ("1", "3")
    assert found.best() == ("sport", "space")
    assert found.notes
    shares: list[float] = []
    other = kinfolk.classify(texts, model=model, labels=["space", "sport"], advance=shares.append)
    assert shares == [1.0]
    np.testing.assert_allclose(other.probabilities, found.probabilities[:, [2, 3]], rtol=1e-6)
    np.testing.assert_array_equal(
        TextModel.load(tmp_path / "model").label_probabilities(texts[:1], ["goal"]),
        model.label_probabilities(texts[:1], ["goal"]),
    )
    found.save(tmp_path / "labels.csv")
    assert (tmp_path / "labels.csv").read_text("utf-8").splitlines()[0] == "name,label,probability"
    for labels in ([], "sport", ["a", "a"]):
        with pytest.raises(ConfigurationError, match=r"labels must be names .* Got"):
            kinfolk.classify(texts, model=model, labels=labels)
    with pytest.raises(ConfigurationError, match="position 1"):
        kinfolk.classify(texts, model=model, labels=["sport", " "])


def test_rows_may_lack_a_label_where_words_teach_too(rng: np.random.Generator, tmp_path: Path) -> None:
    data = table(rng, 40).to_pydict()
    data["matter"][1::2] = [""] * 20
    half = pa.table(data)
    options = {"method": "textlabel", "column": "words", "label": "matter", "encoder": "bag", "encoder_settings": BAG}
    short = {**RECIPE, "epochs": 1}
    model = kinfolk.train(half, output=tmp_path / "both", recipe=short, **options)
    assert model.about["texts"] == 40
    assert model.about["labels"] == sorted(set(itertools.islice(MATTERS, 0, None, 2)))
    with pytest.raises(ConfigurationError, match="With words=0 each text needs a label to learn from. 20 of 40"):
        kinfolk.train(half, output=tmp_path / "labels", recipe=short, settings={"words": 0}, **options)


def test_what_cannot_be_learned_is_refused(rng: np.random.Generator, tmp_path: Path) -> None:
    texts, _ = sentences(40, rng)
    with pytest.raises(ConfigurationError, match="Got a tower over characters"):
        kinfolk.train(texts, method="textlabel", output=tmp_path, encoder="characters", recipe=RECIPE)
    one = pa.table({"words": texts, "matter": ["all"] * 40})
    with pytest.raises(ConfigurationError, match="two or more. Got 1"):
        kinfolk.train(one, method="textlabel", output=tmp_path, column="words", label="matter", recipe=RECIPE)
    plain = TextModel(text_tower_for(texts, "bag", BAG), {"method": "simcse"})
    with pytest.raises(ConfigurationError, match="textlabel trained. Got one of simcse"):
        kinfolk.classify(texts, model=plain, labels=["a"])


def test_a_broken_matcher_is_said(rng: np.random.Generator, tmp_path: Path) -> None:
    kinfolk.train(
        sentences(40, rng)[0], method="textlabel", output=tmp_path, encoder="bag", encoder_settings=BAG,
        recipe={**RECIPE, "epochs": 1},
    )  # fmt: skip
    (tmp_path / MATCH).write_bytes(b"no tensors")
    with pytest.raises(DataError, match="does not hold a model of texts that can be read"):
        TextModel.load(tmp_path)
