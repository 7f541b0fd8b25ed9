"""Classes from a few labels and from all, and the rare ones."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.tasks.classification import (
    bucket_figures,
    class_f1,
    evaluate_classification,
    few_shot_figures,
)

TOPICS = {"sport": "ball goal team", "money": "bank stock price", "stars": "moon orbit comet"}


def news(rng: np.random.Generator, each: int, split: str | None = None) -> list[str]:
    """Rows of texts that share words with those of their class only."""
    ending = "" if split is None else f",{split}"
    return [
        f"{label},{' '.join(rng.choice(words.split(), 4))}{ending}"
        for label, words in TOPICS.items()
        for _ in range(each)
    ]


def test_classes_of_different_words_are_told_by_five_labels(words, written, rng) -> None:
    path = written("news.csv", "label,text\n" + "\n".join(news(rng, 20)))
    found = evaluate_classification(words, path)
    curve = found.tables["labels"]
    assert [row.labels_per_class for row in curve] == [1, 5, None], "ten texts of each class are learned"
    assert [row.draws for row in curve] == [10, 10, 1]
    assert curve[0].macro_f1 < curve[1].macro_f1
    assert curve[-1].macro_f1 == curve[-1].accuracy == 1.0
    assert curve[-1].macro_f1_deviation is None
    (bucket,) = found.tables["frequency of the class"]
    assert (bucket.frequency, bucket.classes, bucket.texts) == ("few (under 20)", 3, 30)
    assert "Learned from 30 texts, judged on 30" in found.notes[0]
    assert evaluate_classification(words, path) == found, "the same draws each time"


def test_a_split_and_a_folder_are_the_same(words, written, rng, tmp_path: Path) -> None:
    train, test = news(rng, 6), news(rng, 4)
    whole = [f"{row},train" for row in train] + [f"{row},test" for row in test]
    written("news.csv", "label,text,split\n" + "\n".join(whole))
    written("news/train.csv", "label,text\n" + "\n".join(train))
    written("news/test.csv", "label,text\n" + "\n".join(test))
    found = evaluate_classification(words, tmp_path / "news.csv")
    assert found == evaluate_classification(words, tmp_path / "news")
    assert found.notes == ("Learned from 18 texts, judged on 12.",)


def test_f1_of_each_class_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    truth, predicted = rng.choice(["a", "b", "c"], 60), rng.choice(["a", "b", "c", "d"], 60)
    expected = f1_score(truth, predicted, labels=["a", "b", "c"], average=None)
    assert list(class_f1(predicted, truth).values()) == pytest.approx(expected)


def test_rare_classes_are_counted_apart() -> None:
    train = np.repeat(["often", "seldom", "rare", "once"], [101, 20, 19, 1])
    truth = np.array(["often", "often", "seldom", "rare", "once"])
    predicted = np.array(["often", "often", "seldom", "often", "once"])
    rows = bucket_figures(train, predicted, truth)
    assert [(row.classes, row.texts) for row in rows] == [(1, 2), (1, 1), (2, 2)]
    assert [row.macro_f1 for row in rows] == pytest.approx([0.8, 1, 0.5])


def test_a_class_gives_all_it_has_and_the_spread_is_that_of_the_draws() -> None:
    vectors = np.array([[1.0, 0], [0, 1], [0, 1]])
    labels = np.array(["x", "y", "y"])
    row = few_shot_figures((vectors, labels), (vectors, labels), per_class=2, draws=3)
    assert (row.macro_f1, row.macro_f1_deviation, row.draws) == (1, 0, 3), "the rare class weighs as much as the other"
    with pytest.raises(ConfigurationError, match="at least 1. Got 0 and 3"):
        few_shot_figures((vectors, labels), (vectors, labels), per_class=0, draws=3)


def test_what_is_wrong_is_said(words, written) -> None:
    strange = written("t.csv", "label,text,split\na,x,train\nb,y,train\nnew,z,test\n")
    with pytest.raises(DataError, match="'new' does not"):
        evaluate_classification(words, strange)
    with pytest.raises(DataError, match="two classes or more to learn. Got 1"):
        evaluate_classification(words, written("t.csv", "label,text\na,x\na,y\n"))
    with pytest.raises(DataError, match="column label: .* none in row 2"):
        evaluate_classification(words, written("t.csv", "label,text\na,x\n,y\n"))
    with pytest.raises(ConfigurationError, match="no column 'label'"):
        evaluate_classification(words, written("t.csv", "class,text\na,x\nb,y\n"))
    with pytest.raises(DataError, match="needs two texts or more"):
        evaluate_classification(words, written("t.csv", "label,text\na,x\nb,y\n"))
