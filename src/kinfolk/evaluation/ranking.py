"""How well queries find their documents: nDCG, recall, precision, average precision and reciprocal rank at a cut.

The figures are those of trec_eval, by which retrieval is judged: a grade is its own gain, the gain at rank r is divided
by log2(r + 1), a document is relevant from grade 1 on, and of equal scores the document with the larger name comes first.
A query without a relevant document says nothing: it is left out, and counted. One that finds nothing counts 0, as with the
option -c of trec_eval.

Source: Jarvelin & Kekalainen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002 (nDCG); Voorhees & Harman
(editors), "TREC: experiment and evaluation in information retrieval", 2005 (the others).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from kinfolk.errors import ConfigurationError, DataError

_NOTHING = -1  # where a query found fewer documents than others


@dataclass(frozen=True, eq=False)
class Ranked:
    """What was found for each query that has a relevant document, by its grades.

    Attributes:
        queries: rows of these queries, or for a run their names, in ascending order, (queries,).
        skipped: how many queries were left out, as no document is relevant to them.
        grades: of the document at each rank, int64 (queries, depth), 0 where it is not relevant, not judged, or none.
        ideal: the grades of all relevant documents of each query, the highest first, int64 (queries, most), then 0.
    """

    queries: npt.NDArray[np.int64] | npt.NDArray[np.str_]
    skipped: int
    grades: npt.NDArray[np.int64]
    ideal: npt.NDArray[np.int64]


def rank_documents(scores: npt.NDArray[np.floating], *, k: int) -> npt.NDArray[np.int64]:
    """The documents of the highest scores for each query, the best first; of equal scores the later document first.

    Args:
        scores: (queries, documents); -inf for a document that is not found.
        k: how many, at least 1.

    Returns:
        Rows of documents, int64 (queries, k or as many as there are), -1 where fewer were found.

    Raises:
        ConfigurationError: k below 1.
        DataError: a score is NaN, or not such a table.
    """
    _check_cut(k)
    if scores.ndim != 2 or np.isnan(scores).any():
        raise DataError(f"scores must be numbers (queries, documents). Got shape {scores.shape}, or NaN among them.")
    depth = min(k, scores.shape[1])
    found = np.full((len(scores), depth), _NOTHING)
    if not depth:
        return found
    least = np.partition(scores, -depth, axis=1)[:, -depth]
    for row, (values, bound) in enumerate(zip(scores, least, strict=True)):
        candidates = np.flatnonzero((values >= bound) & (values > -np.inf))[::-1]
        best = candidates[np.argsort(-values[candidates], kind="stable")][:depth]
        found[row, : len(best)] = best
    return found


def ranked_rows(documents: npt.NDArray[np.integer], relevance: sp.spmatrix | sp.sparray) -> Ranked:
    """Look up the grades of documents that are given by their rows.

    Args:
        documents: what each query found, the best first, int (queries, depth), -1 where there are fewer.
        relevance: sparse integers (queries, documents), the grade of each document for each query; below 1, and where
            nothing is stored, it is not relevant.

    Raises:
        DataError: shapes that do not fit, a document twice for one query, or no relevant document for any.
    """
    if documents.ndim != 2 or len(documents) != relevance.shape[0]:
        raise DataError(
            f"documents must be (queries, depth) with a row for each of relevance. "
            f"Got shapes {documents.shape} and {relevance.shape}."
        )
    if documents.size and not _NOTHING <= documents.min() <= documents.max() < relevance.shape[1]:
        raise DataError(f"documents must be rows in [0, {relevance.shape[1]}), or -1 for none. Got others.")
    ordered = np.sort(documents, axis=1)
    twice = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != _NOTHING)).any(axis=1)
    if twice.any():
        raise DataError(f"A document may be found once by a query. Query {int(twice.argmax()) + 1} found one twice.")
    graded = sp.csr_matrix(relevance, dtype=np.int64, copy=True)
    graded.data = np.maximum(graded.data, 0)
    graded.eliminate_zeros()
    relevant = np.diff(graded.indptr)
    queries = np.flatnonzero(relevant)
    if not len(queries):
        raise DataError("No query has a relevant document, so there is nothing to measure. Check ids and grades.")
    grades = np.zeros((len(queries), documents.shape[1]), dtype=np.int64)
    rows, ranks = np.nonzero(documents[queries] != _NOTHING)
    grades[rows, ranks] = np.asarray(graded[queries[rows], documents[queries[rows], ranks]]).ravel()
    ideal = np.zeros((len(queries), relevant.max()), dtype=np.int64)
    ideal[np.arange(ideal.shape[1]) < relevant[queries, None]] = graded.data
    return Ranked(queries, len(documents) - len(queries), grades, -np.sort(-ideal, axis=1))


def ranked_run(run: Mapping[str, Mapping[str, float]], judgments: Mapping[str, Mapping[str, int]]) -> Ranked:
    """Order a run by its scores, and look up the grades: what files of trec_eval hold.

    Scores are compared in float32, as trec_eval does.

    Args:
        run: the score of each document that a query found, by the names of both.
        judgments: the grade of each judged document for a query, by the names of both; below 1 it is not relevant.

    Raises:
        DataError: a score is NaN, or no query has a relevant document.
    """
    queries = sorted({*run, *judgments})
    names = sorted({name for documents in (*run.values(), *judgments.values()) for name in documents})
    number = {name: place for place, name in enumerate(names)}
    depth = max((len(documents) for documents in run.values()), default=0)
    found = np.full((len(queries), depth), _NOTHING)
    judged = [
        (row, number[name], grade)
        for row, query in enumerate(queries)
        for name, grade in judgments.get(query, {}).items()
    ]
    rows, columns, grades = np.array(judged, dtype=np.int64).reshape(-1, 3).T
    relevance = sp.csr_matrix((grades, (rows, columns)), shape=(len(queries), len(names)))
    for row, query in enumerate(queries):
        documents = np.array([number[name] for name in run.get(query, {})], dtype=np.int64)
        scores = np.array(list(run.get(query, {}).values()), dtype=np.float32)
        if np.isnan(scores).any():
            raise DataError(f"Scores must be numbers. Query {query!r} has NaN.")
        found[row, : len(documents)] = documents[np.lexsort((-documents, -scores))]
    ranked = ranked_rows(found, relevance)
    return replace(ranked, queries=np.array(queries)[ranked.queries])


def ndcg_at(ranked: Ranked, k: int) -> npt.NDArray[np.float64]:
    """Discounted gain of the first k documents as a share of what the best order would give, in [0, 1], (queries,)."""
    return np.asarray(_gain(ranked.grades, k) / _gain(ranked.ideal, k))


def recall_at(ranked: Ranked, k: int) -> npt.NDArray[np.float64]:
    """Share of the relevant documents that are among the first k, in [0, 1], (queries,)."""
    return np.asarray(_hits(ranked, k).sum(axis=1) / _num_relevant(ranked))


def precision_at(ranked: Ranked, k: int) -> npt.NDArray[np.float64]:
    """Share of k documents that are relevant, in [0, 1], (queries,); a document that was not found is not."""
    return np.asarray(_hits(ranked, k).sum(axis=1) / k)


def average_precision_at(ranked: Ranked, k: int | None = None) -> npt.NDArray[np.float64]:
    """Mean of the precision at the rank of each relevant document, in [0, 1], (queries,); 0 for one not among the first k.

    Its mean over the queries is MAP. None takes all that was found.
    """
    hits = _hits(ranked, k)
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    return np.asarray(np.where(hits, precision, 0).sum(axis=1) / _num_relevant(ranked))


def reciprocal_rank_at(ranked: Ranked, k: int | None = None) -> npt.NDArray[np.float64]:
    """1 / rank of the first relevant document, 0 where none is among the first k, (queries,).

    Its mean over the queries is MRR. None takes all that was found.
    """
    hits = _hits(ranked, k)
    first = np.where(hits, 1 / np.arange(1, hits.shape[1] + 1), 0)
    return np.asarray(first.max(axis=1, initial=0))


def _gain(grades: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.float64]:
    _check_cut(k)
    counted = grades[:, :k]
    return np.asarray(counted @ (1 / np.log2(np.arange(2, counted.shape[1] + 2))))


def _hits(ranked: Ranked, k: int | None) -> npt.NDArray[np.bool_]:
    if k is not None:
        _check_cut(k)
    return ranked.grades[:, :k] > 0


def _num_relevant(ranked: Ranked) -> npt.NDArray[np.int64]:
    return np.asarray(np.count_nonzero(ranked.ideal, axis=1))


def _check_cut(k: int) -> None:
    if k < 1:
        raise ConfigurationError(f"k must be at least 1. Got {k}.")
