"""Linking with a text encoder: what it finds, what it adds, and what it may not return."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import kinfolk
from kinfolk.encoders import TextEncoder
from kinfolk.linking import meaning
from kinfolk.linking.meaning import Vectors

ENGLISH = [
    "apple",
    "bread",
    "cheese",
    "dog",
    "egg",
    "fish",
    "gold",
    "horse",
    "iron",
    "jacket",
    "king",
    "lemon",
    "moon",
    "night",
    "ocean",
    "pepper",
    "queen",
    "river",
]
FRENCH = [
    "pomme",
    "pain",
    "fromage",
    "chien",
    "oeuf",
    "poisson",
    "or",
    "cheval",
    "fer",
    "veste",
    "roi",
    "citron",
    "lune",
    "nuit",
    "mer",
    "poivre",
    "reine",
    "fleuve",
]


class Dictionary:
    """Words that mean the same get the same direction; the vector of a text is the sum of its words'."""

    fingerprint = "dictionary"

    def __init__(self) -> None:
        directions = np.random.default_rng(0).normal(size=(len(ENGLISH), 12))
        self.words = dict(zip(ENGLISH, directions, strict=True)) | dict(zip(FRENCH, directions, strict=True))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([sum((self.words[word] for word in text.split()), np.zeros(12)) for text in texts])


@pytest.fixture
def two_languages() -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    draw = np.random.default_rng(1)
    drawn = [draw.choice(len(ENGLISH), 3, replace=False) for _ in range(60)]
    left = [{"id": f"e{n}", "name": " ".join(ENGLISH[w] for w in words)} for n, words in enumerate(drawn)]
    right = [{"id": f"f{n}", "name": " ".join(FRENCH[w] for w in words)} for n, words in enumerate(drawn)]
    return left, right


def unit(rows: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(rows, 6)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_what_shares_no_letters_is_linked_by_meaning(two_languages) -> None:
    links = kinfolk.link(*two_languages, encoder=Dictionary())
    linked = {(row["left_id"][1:], row["right_id"][1:]) for row in links.to_arrow().to_pylist()}
    right = sum(a == b for a, b in linked)
    assert right >= 54  # 60 pairs, some of the same words in another order
    assert right / len(linked) >= 0.9
    without = kinfolk.link(*two_languages).to_arrow().to_pylist()
    assert sum(row["left_id"][1:] == row["right_id"][1:] for row in without) <= 6
    assert "evidence/meaning" in links.scores.column_names


def test_no_encoder_is_the_same_call_as_none(two_languages) -> None:
    left = two_languages[0]
    scores = [kinfolk.link(left, left, **given).scores for given in ({}, {"encoder": None}, {"encoder": "none"})]
    assert scores[0].equals(scores[1])
    assert scores[0].equals(scores[2])


def test_a_record_that_says_nothing_has_no_neighbors_and_no_cosine() -> None:
    left, right = unit(3, 0), unit(4, 1)
    left[1] = 0
    vectors = Vectors(left, right)
    assert 1 not in vectors.neighbors(4).of_left[0]
    assert np.isnan(vectors.cosines(np.array([1, 0]), np.array([2, 2]))).tolist() == [True, False]


def test_cosines_of_pairs_equal_the_table_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meaning, "_PAIRS_AT_ONCE", 5)
    left, right = unit(6, 0), unit(7, 1)
    rows_left, rows_right = (grid.ravel() for grid in np.indices((6, 7)))
    cosines = Vectors(left, right).cosines(rows_left, rows_right)
    assert cosines == pytest.approx((left @ right.T).ravel(), abs=1e-6)


def test_empty_tables_have_no_neighbors() -> None:
    empty = np.zeros((0, 6), np.float32)
    assert len(Vectors(empty, unit(2, 0)).neighbors().pairs(2)) == 0
    assert len(Vectors(unit(2, 0), empty).neighbors().pairs(1)) == 0


def test_a_resumed_run_encodes_nothing_twice(tmp_path: Path, two_languages, new_model) -> None:
    first, again = new_model(), new_model()
    links = kinfolk.link(*two_languages, encoder=TextEncoder("hashing", first), run=tmp_path)
    for made_later in ("candidates", "scores", "links", "unlinked"):
        (tmp_path / f"{made_later}.parquet").unlink()
    resumed = kinfolk.link(*two_languages, encoder=TextEncoder("hashing", again), run=tmp_path)
    assert first.embedded
    assert again.embedded == []
    assert resumed.scores.equals(links.scores)
    with pytest.raises(kinfolk.RunError, match="another encoder"):
        kinfolk.link(*two_languages, run=tmp_path)


def test_labels_and_encoder_go_together(two_languages) -> None:
    labels = [{"left_id": f"e{n}", "right_id": f"f{m}", "label": int(n == m)} for n in range(12) for m in (n, n + 20)]
    links = kinfolk.link(*two_languages, encoder=Dictionary(), labels=labels)
    found = {(row["left_id"][1:], row["right_id"][1:]) for row in links.to_arrow().to_pylist()}
    assert sum(a == b for a, b in found) >= 54


class Returns:
    def __init__(self, vectors: object) -> None:
        self.vectors = vectors

    def encode(self, texts: Sequence[str]) -> object:
        return self.vectors if not callable(self.vectors) else self.vectors(texts)


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        (Returns(np.zeros((3, 2))), "shape \\(120, dim\\)"),
        (Returns(lambda texts: [text[:3] for text in texts]), "shape \\(120, dim\\)"),
        (Returns(lambda texts: np.full((len(texts), 2), np.nan)), "finite"),
        (42, "encoder must be a name, a folder, or an object"),
    ],
)
def test_what_is_no_encoder_is_said(two_languages, encoder: object, said: str) -> None:
    with pytest.raises(kinfolk.ConfigurationError, match=said):
        kinfolk.link(*two_languages, encoder=encoder)


def test_a_kept_run_needs_to_know_the_encoder_again(tmp_path: Path, two_languages) -> None:
    with pytest.raises(kinfolk.ConfigurationError, match="fingerprint"):
        kinfolk.link(*two_languages, encoder=Returns(np.zeros((120, 2))), run=tmp_path)
