"""Sets for search under a slow scorer of pairs, small enough that all pairs can be scored for the truth.

*Texts*: the documents of a collection, found by its queries; anchor queries are titles. One scorer is made to be unlike a bi-encoder: of
each word of the query, the most similar word of the document by edit distance, weighted by how rare it is, and half of RapidFuzz's
ratio of the sets of words beside it. It is not symmetric, and no inner product of two vectors; TF-IDF, which weights words
in the same way, orders documents nearly as it does. The other, ``late_interaction``, is unlike both first stages in form.

*Records*: the products of Abt-Buy, left records looking for right ones. The scorer is a kinfolk matcher: it learned from 300 labeled pairs
of the records that are anchor queries; queries are 120 of the others.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

import kinfolk
from benchmarks.sets import data_folder
from kinfolk.encoders import load_text_encoder, record_texts
from kinfolk.evaluation.tasks.retrieval import cosine_scores, read_collection, tfidf_scores
from kinfolk.linking.pair_scorer import MatcherScorer
from kinfolk.search.cross_encoder.cur import best_rows

NUM_ANCHORS = 200
NUM_QUERIES = 120  # of the records; of the collection all
NUM_LABELS = 300
_AT_ONCE = 100  # records that the matcher scores at a time
_LEAST = 0.6  # similarity of two words below which they have nothing to do with each other
_COLUMNS = ("title", "abstract")

Table = npt.NDArray[np.float64]
Scorer = Callable[[list[str]], Table]  # of queries against all documents, (queries, documents)


@dataclass(frozen=True, eq=False)
class Searched:
    """Everything that one seed needs of a set.

    Attributes:
        anchors, queries, items: texts, or ids of records.
        table: exact scores, float64 (anchors and then queries, items).
        first_stages: by name, for each query the items best first, int64 (queries, items).
        facts: for the report.
    """

    anchors: list[Any]
    queries: list[Any]
    items: list[Any]
    table: Table
    first_stages: dict[str, npt.NDArray[np.int64]]
    facts: dict[str, float]

    @property
    def exact(self) -> Table:
        return self.table[len(self.anchors) :]

    def score(self, queries: list[Any], items: list[Any]) -> Table:
        """The slow scorer, looked up."""
        rows = {value: row for row, value in enumerate([*self.anchors, *self.queries])}
        columns = {value: column for column, value in enumerate(self.items)}
        return self.table[[rows[query] for query in queries], [columns[item] for item in items]]


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


class SoftOverlap:
    """Scores of queries against all documents."""

    def __init__(self, documents: list[str]) -> None:
        self.documents = documents
        sets = [sorted({*words_of(text)}) for text in documents]
        self.words = sorted({word for one in sets for word in one})
        place = {word: number for number, word in enumerate(self.words)}
        self.flat = np.array([place[word] for one in sets for word in one])
        self.starts = np.cumsum([0, *(len(one) for one in sets[:-1])])
        frequency = np.bincount(self.flat, minlength=len(self.words))
        self.weight = dict(zip(self.words, np.log((len(documents) + 1) / (frequency + 0.5)), strict=True))
        self.rarest = float(np.log((len(documents) + 1) / 0.5))
        self.most_similar = cache(self._most_similar)

    def _most_similar(self, word: str) -> Table:
        """Of a word its similarity with the most similar word of each document, (documents,)."""
        alike = cdist([word], self.words, scorer=Levenshtein.normalized_similarity, dtype=np.float32)[0]
        best = np.maximum.reduceat(alike[self.flat], self.starts).astype(np.float64)
        return np.clip((best - _LEAST) / (1 - _LEAST), 0, 1)

    def __call__(self, queries: list[str]) -> Table:
        """float64 (queries, documents)."""
        rows = []
        for query in queries:
            words = sorted({*words_of(query)})
            weights = np.array([self.weight.get(word, self.rarest) for word in words])
            rows.append(weights @ np.array([self.most_similar(word) for word in words]) / weights.sum())
        whole = cdist(queries, self.documents, scorer=fuzz.token_set_ratio, processor=str.lower, dtype=np.float32)
        return np.array(rows) + 0.5 * whole.astype(np.float64) / 100


def ranked(scores: Any) -> npt.NDArray[np.int64]:
    return best_rows(np.vstack(list(scores)), 1 << 30)


@cache
def _minilm() -> Any:
    return load_text_encoder("minilm")


def first_stages(queries: list[str], items: list[str]) -> dict[str, npt.NDArray[np.int64]]:
    vectors = [_minilm().encode(texts) for texts in (queries, items)]
    return {"TF-IDF": ranked(tfidf_scores(queries, items)), "MiniLM": ranked(cosine_scores(*vectors))}


@cache
def _collection(name: str) -> tuple[list[str], list[str], list[str]]:
    """Documents, titles and queries."""
    documents = list(
        dict.fromkeys(text for text in read_collection(data_folder() / name, columns=_COLUMNS).documents if text)
    )
    table = kinfolk.read_records(data_folder() / name / "docs.csv.gz")
    titles = sorted({title.strip() for title in table.texts("title") if len(words_of(title)) > 1})
    # All queries, judged or not: the truth is what the scorer says, and not what people judged.
    asked = kinfolk.read_records(data_folder() / name / "queries.csv")
    return documents, titles, list(dict.fromkeys(asked.texts("text")))


@cache
def _stages(name: str) -> dict[str, npt.NDArray[np.int64]]:
    documents, _, queries = _collection(name)
    return first_stages(queries, documents)


@cache
def _scorer(name: str, scorer_of: Callable[[list[str]], Scorer]) -> Scorer:
    return scorer_of(_collection(name)[0])


def texts(
    name: str, seed: int, *, scorer_of: Callable[[list[str]], Scorer] = SoftOverlap, with_stages: bool = True
) -> Searched:
    documents, titles, queries = _collection(name)
    drawn = np.random.default_rng(seed).choice(len(titles), NUM_ANCHORS, replace=False)
    anchors = [titles[row] for row in drawn if titles[row] not in {*queries}]
    table = _scorer(name, scorer_of)([*anchors, *queries])
    return Searched(anchors, queries, documents, table, _stages(name) if with_stages else {}, {})


_label_free = cache(kinfolk.link)
_tables = cache(kinfolk.read_records)


def records(name: str, seed: int) -> Searched:
    folder = data_folder() / name
    left, right = (_tables(folder / f"{side}.csv.gz") for side in ("left", "right"))
    with (folder / "matches.csv").open(encoding="utf-8") as file:
        matches = {(row["left_id"], row["right_id"]) for row in csv.DictReader(file)}
    draw = np.random.default_rng(seed)
    anchors = np.sort(draw.choice(len(left), NUM_ANCHORS, replace=False))
    others = np.sort(draw.choice(np.setdiff1d(np.arange(len(left)), anchors), NUM_QUERIES, replace=False))
    scores = _label_free(left, right).scores
    pairs = np.array([scores.column(side).to_numpy() for side in ("left", "right")]).T
    near = np.flatnonzero(np.isin(pairs[:, 0], anchors) & (scores.column("probability").to_numpy() > 0.01))
    ids = [[str(one) for one in table.ids.to_pylist()] for table in (left, right)]
    labels = []
    for row in draw.choice(near, min(NUM_LABELS, len(near)), replace=False):
        left_id, right_id = ids[0][pairs[row, 0]], ids[1][pairs[row, 1]]
        labels.append({"left_id": left_id, "right_id": right_id, "label": int((left_id, right_id) in matches)})
    scorer = MatcherScorer(kinfolk.link(left, right, labels=labels, seed=seed))
    asked, items = left.ids.to_pylist(), right.ids.to_pylist()
    order = [*anchors.tolist(), *others.tolist()]
    table = np.vstack(
        [
            scorer([asked[row] for row in part for _ in items], items * len(part)).reshape(len(part), -1)
            for part in (order[start : start + _AT_ONCE] for start in range(0, len(order), _AT_ONCE))
        ]
    )
    texts_left, texts_right = (record_texts(side, side.fields("text", "number")) for side in (left, right))
    partner = dict(matches)
    found = table[len(anchors) :].argmax(axis=1)
    top = float(np.mean([partner.get(ids[0][row]) == ids[1][best] for row, best in zip(others, found, strict=True)]))
    return Searched(
        [asked[row] for row in anchors],
        [asked[row] for row in others],
        items,
        table,
        first_stages([texts_left[row] for row in others], texts_right),
        {"labels": len(labels), "true partner is the scorer's best": top},
    )
