"""Grouping one table with a text encoder: what it finds, what it adds to a field, and what a run keeps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import kinfolk
from kinfolk.data.persons import generate_persons
from kinfolk.encoders import TextEncoder
from kinfolk.linking.agreement import measures_of
from kinfolk.linking.alignment import FieldPair
from kinfolk.linking.compare import prepare_fields
from kinfolk.linking.meaning_within import MeaningMeasure, with_meaning
from kinfolk.linking.self_candidates import candidates_within


def _words(number: int, letters: str, seed: int) -> list[str]:
    """Invented words of six letters; those of other letters share nothing with them."""
    draw = np.random.default_rng(seed)
    return ["".join(draw.choice(list(letters), 6)) for _ in range(number)]


# What each word is called in the other language.
WORDS = dict(zip(_words(150, "abcdefghijk", 0), _words(150, "lmnopqrstuvwxyz", 1), strict=True))


class Dictionary:
    """Words that mean the same get the same direction; the vector of a text is the sum of its words'."""

    fingerprint = "dictionary"

    def __init__(self) -> None:
        directions = np.random.default_rng(0).normal(size=(len(WORDS), 24))
        self.words = dict(zip(WORDS, directions, strict=True)) | dict(zip(WORDS.values(), directions, strict=True))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([sum((self.words[word] for word in text.split()), np.zeros(24)) for text in texts])


@pytest.fixture
def two_languages() -> list[dict[str, str]]:
    """Sixty names, each once in one language and once in the other, in one table."""
    draw = np.random.default_rng(1)
    drawn = [draw.choice(list(WORDS), 3, replace=False) for _ in range(60)]
    here = [{"id": f"e{n}", "name": " ".join(words)} for n, words in enumerate(drawn)]
    return here + [{"id": f"f{n}", "name": " ".join(WORDS[w] for w in words)} for n, words in enumerate(drawn)]


def pairs_found(clusters: kinfolk.Clusters) -> tuple[int, int]:
    """How many of the sixty pairs are one group, and how many pairs are in one group at all."""
    group = dict(zip(*(clusters.to_arrow()[c].to_pylist() for c in ("id", "cluster_id")), strict=True))
    return sum(group[f"e{n}"] == group[f"f{n}"] for n in range(60)), clusters.num_pairs


def test_what_shares_no_letters_is_grouped_by_meaning(two_languages: list[dict[str, str]]) -> None:
    found = kinfolk.dedupe(two_languages, id="id", encoder=Dictionary())
    right, every = pairs_found(found)
    assert right >= 54
    assert right / every >= 0.9
    assert "evidence/meaning" in found.scores.column_names
    assert pairs_found(kinfolk.dedupe(two_languages, id="id"))[0] <= 6


def test_no_encoder_is_the_same_call_as_none(two_languages: list[dict[str, str]]) -> None:
    scores = [kinfolk.dedupe(two_languages, id="id", **given).scores for given in ({}, {"encoder": "none"})]  # type: ignore[arg-type]
    assert scores[0].equals(scores[1])


def test_the_nearest_in_meaning_join_the_candidates() -> None:
    """Between records without a letter in common there is no candidate but by meaning; blank ones have none at all."""
    texts = ["abc", "def", "ghi", "jkl", ""]
    vectors = np.array([[1, 0], [0.9, 0.1], [0, 1], [-1, 0], [0, 0]], dtype=np.float32)
    assert len(candidates_within(texts, ())) == 0
    pairs = candidates_within(texts, (), [(texts, vectors)])
    assert set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == {(0, 1), (1, 2)}


def test_a_field_gets_one_similarity_more_on_a_scale_that_begins_at_the_usual_cosine() -> None:
    records = kinfolk.read_records(
        pa.table({"name": [*WORDS, *WORDS.values(), ""], "price": [float(n) for n in range(301)]}), text=["name"]
    )
    fields = prepare_fields(
        records, records, [FieldPair("name", "name", "text"), FieldPair("price", "price", "number")]
    )
    measures = measures_of(records, fields)
    name, price = with_meaning(measures, records, Dictionary(), None, lambda _: None)
    assert isinstance(name, MeaningMeasure)
    assert price is measures[1]
    left, right = np.zeros(3, np.int64), np.array([150, 5, 300])  # its translation, another word, nothing
    before, after = measures[0].similarities(left, right), name.similarities(left, right)
    for old, new in zip(before, after, strict=False):
        np.testing.assert_array_equal(old, new)
    assert len(after) == len(before) + 1
    assert after[-1][0] == pytest.approx(1)
    words = np.array([Dictionary().words[word] for word in (*WORDS, *WORDS.values())])
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    usual = float((words @ words.T)[~np.eye(300, dtype=bool)].mean())
    assert name.usual == pytest.approx(usual, abs=0.02)
    assert after[-1][1] == pytest.approx(max(0, (words[0] @ words[5] - name.usual) / (1 - name.usual)), abs=1e-5)
    assert np.isnan(after[-1][2])


def test_a_run_keeps_the_vectors_and_knows_its_encoder(tmp_path: Path, new_model) -> None:
    """Six copies of each person, so that fields are weighed against chance, and labels on top."""
    made = generate_persons(20, overlap=1.0, seed=1, household=0.0)
    people = made.left.select([name for name in made.left.column_names if name != "id"])
    table = pa.concat_tables([people] * 6).append_column("id", pa.array([str(n) for n in range(120)]))
    labels = [
        {"left_id": str(n), "right_id": str(m), "label": int(n == m - 20)} for n in range(6) for m in (n + 20, n + 21)
    ]
    first, again = new_model(), new_model()
    given = {"id": "id", "labels": labels, "run": tmp_path}
    found = kinfolk.dedupe(table, encoder=TextEncoder("hashing", first), **given)
    assert len(found) == 20
    (tmp_path / "scores.parquet").unlink()
    resumed = kinfolk.dedupe(table, encoder=TextEncoder("hashing", again), **given)
    assert first.embedded
    assert again.embedded == []
    assert resumed.scores.equals(found.scores)
    with pytest.raises(kinfolk.RunError, match="another encoder"):
        kinfolk.dedupe(table, **given)
