"""Candidate pairs: the nearest records of the other table by n-grams, of the whole record and of each telling field."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from kinfolk.linking.running_best import found, nothing_yet, offer_shared_features
from kinfolk.linking.spaces import Space

QUERIES_AT_A_TIME = 4_096
POSTINGS_PER_RECORD = 10_000  # most entries of the other table that one record's features may touch

Rows = tuple[np.ndarray, np.ndarray]
"""Left rows, and the right rows that each of them may be paired with, ascending."""


@dataclass(frozen=True)
class Candidates:
    """Pairs of rows, each once, sorted by left row and then right row (int32)."""

    left: np.ndarray
    right: np.ndarray

    def __len__(self) -> int:
        return len(self.left)


def nearest(queries: sp.csr_matrix, corpus: sp.csr_matrix, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The k rows of the corpus with the largest inner product, for each query.

    Very common features of a query are left out when together they would touch more than 10,000 entries of the corpus
    (rare ones decide who is near), so that the cost grows with the number of queries and not with its square.

    Returns:
        Query rows, corpus rows and products, best first within a query.
    """
    from sparse_dot_topn import sp_matmul_topn

    searched, by_feature, top_n = _rarest(queries, corpus), corpus.T.tocsr(), min(k, corpus.shape[0])
    # In parts: while one is computed no other thread runs, neither the clock of the progress nor what hears Ctrl-C.
    parts = [
        sp_matmul_topn(searched[start : start + QUERIES_AT_A_TIME], by_feature, top_n=top_n, sort=True)
        for start in range(0, max(1, queries.shape[0]), QUERIES_AT_A_TIME)
    ]
    product = sp.vstack(parts, format="csr")
    rows = np.repeat(np.arange(queries.shape[0]), np.diff(product.indptr))
    return rows, product.indices, product.data


def union(left: Iterable[np.ndarray], right: Iterable[np.ndarray], num_right: int) -> Candidates:
    """All pairs of several lists, each pair once."""
    keys = np.unique(np.concatenate([a.astype(np.int64) * num_right + b for a, b in zip(left, right, strict=True)]))
    return Candidates((keys // num_right).astype(np.int32), (keys % num_right).astype(np.int32))


@dataclass(frozen=True)
class Neighbors:
    """Nearest records in both directions, best first within a record: (query rows, rows found, similarities) each."""

    of_left: tuple[np.ndarray, np.ndarray, np.ndarray]
    of_right: tuple[np.ndarray, np.ndarray, np.ndarray]

    def pairs(self, num_right: int) -> Candidates:
        """All pairs of either direction."""
        return union((self.of_left[0], self.of_right[1]), (self.of_left[1], self.of_right[0]), num_right)

    def nearest_pairs(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """The nearest record of each left record, and of each right record, as rows (left, right)."""
        (left, of_left, _), (right, of_right, _) = self.of_left, self.of_right
        first_left, first_right = (np.unique(rows, return_index=True)[1] for rows in (left, right))
        return (left[first_left], of_left[first_left]), (of_right[first_right], right[first_right])

    def mutual_best(self, num_left: int, num_right: int) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of rows (left, right) that are each other's nearest, most similar first."""
        nearest_right, similarity = _first(self.of_left, num_left)
        nearest_left, _ = _first(self.of_right, num_right)
        rows = np.flatnonzero(nearest_right >= 0)
        rows = rows[nearest_left[nearest_right[rows]] == rows]
        rows = rows[np.argsort(-similarity[rows], kind="stable")]
        return rows, nearest_right[rows]


def neighbors(space: Space, k: int, groups: Callable[[], Iterable[Rows]] | None = None) -> Neighbors:
    """The k nearest records of either table for each record of the other.

    Args:
        space: of both tables.
        k: how many, at least 1.
        groups: gives the pairs that may be found: left rows, each in one group at most, and right rows. None for all.
    """
    if groups is not None:
        return _neighbors_among(space, k, groups())
    return Neighbors(nearest(space.left, space.right, k), nearest(space.right, space.left, k))


def _neighbors_among(space: Space, k: int, groups: Iterable[Rows]) -> Neighbors:
    """Each sum is made once, for both directions, and only for pairs that may be found.

    As in ``nearest``, very common features are left out of the left records where they would touch too many entries.
    """
    left, by_feature = _rarest(space.left, space.right), space.right.T.tocsr()
    num_left, num_right = left.shape[0], space.right.shape[0]
    of_left, of_right = nothing_yet(num_left, k), nothing_yet(num_right, k)
    passes, sums, touched = np.zeros(num_right, bool), np.zeros(num_right, np.float32), np.zeros(num_right, np.int64)
    records = left.indptr, left.indices, left.data
    postings = by_feature.indptr, by_feature.indices, by_feature.data
    for rows, others in groups:
        passes[others] = True
        offer_shared_features(rows, passes, *records, *postings, sums, touched, of_left, of_right)
        passes[others] = False
    return Neighbors(found(of_left), found(of_right))


def _first(found: tuple[np.ndarray, np.ndarray, np.ndarray], size: int) -> tuple[np.ndarray, np.ndarray]:
    rows, first = np.unique(found[0], return_index=True)
    best, similarity = np.full(size, -1, dtype=np.int64), np.zeros(size)
    best[rows], similarity[rows] = found[1][first], found[2][first]
    return best, similarity


def _rarest(queries: sp.csr_matrix, corpus: sp.csr_matrix) -> sp.csr_matrix:
    frequency = np.bincount(corpus.indices, minlength=corpus.shape[1])
    touched = frequency[queries.indices].astype(np.int64)
    rows = np.repeat(np.arange(queries.shape[0]), np.diff(queries.indptr))
    if np.bincount(rows, touched, minlength=1).max(initial=0) <= POSTINGS_PER_RECORD:
        return queries
    order = np.lexsort((touched, rows))  # rarest first within each row
    total = np.cumsum(touched[order])
    before_row = np.concatenate([[0], total])[queries.indptr[:-1]]
    keep = np.zeros(len(order), dtype=bool)
    keep[order] = total - before_row[rows] <= POSTINGS_PER_RECORD
    pruned = queries.copy()
    pruned.data = np.where(keep, pruned.data, 0).astype(np.float32)
    pruned.eliminate_zeros()
    return pruned
