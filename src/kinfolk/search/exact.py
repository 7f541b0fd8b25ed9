"""The k largest inner products of each query, exactly, and the same whatever stands around them.

The last bits of a matrix product depend on its shape: the same two vectors may get another product in a larger table, and
equal exemplars unequal ones. So the product in float32 only preselects. Everything that its rounding error could hide
among the k best is computed again in float64, each pair by itself, and ordered by that; equal products by a rank that is
given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.data.unit_vectors import UnitVectors

_SCORES = 1 << 23  # inner products at a time; with the copy that is partitioned, 64 MB
_ROWS = 1 << 12  # exemplars that are compared again at a time


@dataclass(frozen=True, eq=False)
class Found:
    """The rows with the largest inner products, largest first.

    Attributes:
        rows: int64 (queries, k), -1 where fewer were found.
        similarities: float64 (queries, k), in [-1, 1] up to rounding; -inf where fewer were found.
    """

    rows: npt.NDArray[np.int64]
    similarities: npt.NDArray[np.float64]


def exact_search(
    queries: UnitVectors, exemplars: UnitVectors, *, k: int, rank: npt.NDArray[np.int64] | None = None
) -> Found:
    """Find the k exemplars with the largest inner product with each query.

    Costs O(queries x exemplars x dim) time and 64 MB, or 8 bytes an exemplar where that is more.

    Args:
        queries: (num, dim), unit rows; a row of zeros finds nothing.
        exemplars: (num, dim), unit rows; a row of zeros is never found.
        k: how many, at least 1.
        rank: of each exemplar, int64 (num,), all different; of equal products the lowest rank comes first. None ranks by row.
    """
    num, dim = exemplars.shape
    order = np.arange(num) if rank is None else rank
    rows = np.full((len(queries), k), -1, dtype=np.int64)
    similarities = np.full((len(queries), k), -np.inf)
    known = exemplars.any(axis=1)
    num_known = int(known.sum())
    # A product of dim terms of unit vectors is off by dim * 2**-24 at most in whatever order it is summed (Higham 2002,
    # section 3.1), so two of them change places within twice that. The rest is for rows not exactly of length 1.
    slack = 2.1 * dim * 2.0**-24
    step = max(1, _SCORES // max(num, 1))
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        scores = block @ exemplars.T
        scores[:, ~known] = -np.inf
        lowest = np.partition(scores, num - k, axis=1)[:, num - k] if k < num_known else np.full(len(block), -np.inf)
        for row in np.flatnonzero(block.any(axis=1)):
            near = np.flatnonzero((scores[row] >= lowest[row] - slack) & known)
            products = _products(block[row], exemplars, near)
            best = np.lexsort((order[near], -products))[:k]
            rows[start + row, : best.size] = near[best]
            similarities[start + row, : best.size] = products[best]
    return Found(rows, similarities)


def _products(query: UnitVectors, exemplars: UnitVectors, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Inner products in float64, each summed over one row by itself: no other row moves their bits."""
    wide = query.astype(np.float64)
    products = np.empty(rows.size)
    for start in range(0, rows.size, _ROWS):
        part = rows[start : start + _ROWS]
        products[start : start + _ROWS] = (exemplars[part] * wide).sum(axis=1)
    return products
