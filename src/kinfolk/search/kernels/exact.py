"""Exact search: every row that passes is scored, and a score is a property of a query and a row alone.

**The exact score.** Vectors are float32. For ``ip`` and ``cosine`` the score is the inner product as ``products.inner_product``
defines it: products in float64, where they are exact, and a fixed order of sums. For ``l2`` it is minus the squared distance, likewise.
For ``cosine`` query and row are first divided by their lengths, in float64, and rounded to float32; a vector of zeros stays
zero and has the score 0 with everything. Higher is nearer; of equal scores the lower row comes first. All parts rank by
this score in the end, so that none of the batch, the form of the filter, and the part that was chosen can be told from a result.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numba as nb
import numpy as np

from kinfolk.search.kernels.heaps import keep, sort_best_first
from kinfolk.search.kernels.instructions import prefetch
from kinfolk.search.kernels.products import LANES, inner_product, square_distance
from kinfolk.search.kernels.subsets import ROOM, has_bit, next_rows

_LINE = 16  # float32 values of a cache line


@nb.njit(cache=True, nogil=True)
def wide_query(query):
    """The query in float64, with zeros up to a multiple of 32."""
    wide = np.zeros((len(query) + LANES - 1) // LANES * LANES)
    for i in range(len(query)):
        wide[i] = query[i]
    return wide


@nb.njit(cache=True, nogil=True)
def measure_rows(vectors, lengths, longest, unit):
    """Write the length of each row, float64 (num,): the root of its exact inner product with itself.

    The first row that is longer than ``longest``, or whose length is no number, is returned; -1 where there is none.

    Args:
        vectors: float32 (num, dim).
        lengths: float64 (num,).
        longest: the largest length that is in order.
        unit: float32 (num, dim), where each row is written divided by its length in float64 and rounded, a row of zeros as it is;
            of no rows where this is not wanted.
    """
    dim, flat, wrong = vectors.shape[1], vectors.reshape(-1), -1
    wide = wide_query(vectors[0]) if len(vectors) > 0 else np.zeros(0)
    for row in range(len(vectors)):
        for i in range(dim):
            wide[i] = vectors[row, i]
        lengths[row] = np.sqrt(inner_product(wide, flat, row * dim, dim))
        if wrong < 0 and not lengths[row] <= longest:
            wrong = row
        if len(unit) > 0:
            length, divided = lengths[row] if lengths[row] > 0 else 1.0, unit[row]
            for i in range(dim):
                divided[i] = wide[i] / length
    return wrong


@nb.njit(cache=True, nogil=True)
def exact_score(wide, flat, row, dim, squared):
    """The score of one row: an inner product, or where ``squared`` minus the squared distance.

    Args:
        wide: the query from ``wide_query``.
        flat: all vectors, float32 (num * dim,).
        row, dim: which, and the width.
        squared: whether the metric is ``l2``.
    """
    if squared:
        return -square_distance(wide, flat, row * dim, dim)
    return inner_product(wide, flat, row * dim, dim)


@nb.njit(cache=True, nogil=True)
def prefetch_vector(flat, row, dim):
    """Ask for a vector that will be scored soon."""
    for i in range(0, dim, _LINE):
        prefetch(flat, row * dim + i)


@nb.njit(cache=True, nogil=True)
def write_best(scores, rows, size, out_rows, out_scores):
    """Write a heap as one line of a result, best first; what is left of the line stays as it was."""
    sort_best_first(scores, rows, size)
    for t in range(size):
        out_rows[t], out_scores[t] = rows[t], scores[t]


@nb.njit(cache=True, nogil=True)
def exact_scan(first, last, queries, subsets, flat, dead, squared, out_rows, out_scores):
    """Find the rows with the best exact scores for the queries ``first`` up to ``last``.

    Args:
        first, last: of the queries; threads take a part each.
        queries: float32 (queries, dim).
        subsets: the rows that pass, one subset a query.
        flat: all vectors, float32 (num * dim,).
        dead: bitmap of rows that were deleted; without words none was.
        squared: whether the metric is ``l2``.
        out_rows: int64 (queries, k), filled with -1.
        out_scores: float64 (queries, k), filled with -inf.
    """
    dim, k = queries.shape[1], out_rows.shape[1]
    block = np.empty(ROOM, np.int32)
    scores, rows = np.empty(k, np.float64), np.empty(k, np.int64)
    for query in range(first, last):
        wide = wide_query(queries[query])
        size, cursor = np.int64(0), subsets.starts[query]
        while cursor < subsets.stops[query]:
            count, cursor = next_rows(subsets, query, cursor, block)
            for t in range(count):
                prefetch_vector(flat, np.int64(block[min(t + 3, count - 1)]), dim)
                row = np.int64(block[t])
                score = exact_score(wide, flat, row, dim, squared)
                if (size < k or score >= scores[0]) and not has_bit(dead, row):
                    size = keep(scores, rows, size, k, score, row)
        write_best(scores, rows, size, out_rows[query], out_scores[query])
