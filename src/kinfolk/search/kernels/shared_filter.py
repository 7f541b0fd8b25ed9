"""Many queries under one filter: the rows that pass are gathered once and multiplied with all queries, tile by tile.

The product is float32 and only preselects. Its rounding error has a bound, so most queries can be told to be answered exactly: where the
k-th best exact score is above everything that the product of a row left out could hide. ``certain`` says for which; the few others
(many equal rows, say) are left to an exact scan. So the part answers exactly, whatever the library of the product does.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from typing import TypeAlias

import numba as nb
import numpy as np
import numpy.typing as npt

from kinfolk.search.kernels.exact import exact_score, prefetch_vector, wide_query
from kinfolk.search.kernels.products import inner_product
from kinfolk.search.kernels.subsets import Subset, read_only, rows_of
from kinfolk.search.kernels.tiles import insert, keep_of_tile, put_best_first

Floats: TypeAlias = npt.NDArray[np.float32]

_ROWS = 1 << 11  # of a tile: with 384 dimensions 3 MB of gathered rows
_QUERIES = 1 << 9  # of a tile: its products take 4 MB
_AHEAD = 4  # rows between asking for a vector and copying it
SPARE = 6  # rows beyond k that are scored exactly
_NO_OFFSETS: Floats = np.empty(0, dtype=np.float32)


def float32_rounding(dim: int) -> float:
    """How far a float32 product may be off, relative to the lengths of the two vectors: in whatever order it is summed.

    ``dim * 2**-24`` (Higham 2002, section 3.1), and four roundings more for what is added to it.
    """
    return 1.05 * (dim + 4) * 2.0**-24


def search_shared(
    queries: Floats,
    subset: Subset,
    vectors: Floats,
    dead: npt.NDArray[np.uint64],
    *,
    k: int,
    half_squares: Floats | None,
    largest: float,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Find the k rows with the best exact scores for each query, and say for which queries that is certain.

    Args:
        queries: float32 (queries, dim).
        subset: the rows that pass, for all queries.
        vectors: float32 (num, dim).
        dead: bitmap of deleted rows; without words none was.
        k: how many.
        half_squares: half the squared length of each row for ``l2``; None for inner products.
        largest: the largest length of a row.

    Returns:
        Rows (queries, k), -1 where fewer pass; exact scores, -inf there; and certainty (queries,).
    """
    num_queries, dim = queries.shape
    num_kept, flat = k + SPARE, read_only(vectors.reshape(-1))
    values = np.empty((num_queries, num_kept), dtype=np.float32)
    kept = np.empty((num_queries, num_kept), dtype=np.int64)
    sizes = np.zeros(num_queries, dtype=np.int64)
    listed = None if subset.ids is None and subset.words is None else rows_of(subset)
    most = min(_ROWS, subset.size)
    gathered = np.empty((0 if listed is None else most, dim), dtype=np.float32)
    products = np.empty(min(num_queries, _QUERIES) * most, dtype=np.float32)
    start, stop = (subset.start, subset.stop) if listed is None else (0, len(listed))
    for tile in range(start, stop, _ROWS):
        end = min(tile + _ROWS, stop)
        if listed is None:
            rows, part = np.arange(tile, end), vectors[tile:end]
        else:
            rows = listed[tile:end]
            part = gathered[: end - tile]
            gather(flat, rows, part)
        offsets = _NO_OFFSETS if half_squares is None else half_squares[rows]
        for first in range(0, num_queries, _QUERIES):
            last = min(first + _QUERIES, num_queries)
            out = products[: (last - first) * (end - tile)].reshape(last - first, end - tile)
            np.matmul(queries[first:last], part.T, out=out)
            keep_best(out, rows, offsets, read_only(dead), values[first:last], kept[first:last], sizes[first:last])
    found = np.full((num_queries, k), -1, dtype=np.int64)
    scores = np.full((num_queries, k), -np.inf)
    certain = np.zeros(num_queries, dtype=np.bool_)
    score_kept(
        read_only(queries), flat, values, kept, sizes, half_squares is not None, float32_rounding(dim), largest,
        found, scores, certain,
    )  # fmt: skip
    return found, scores, certain


@nb.njit(cache=True, nogil=True)
def gather(flat, rows, out):
    """Copy vectors next to each other; those to come are asked for meanwhile, as they lie anywhere in memory."""
    dim, last = out.shape[1], len(rows) - 1
    for t in range(len(rows)):
        prefetch_vector(flat, rows[min(t + _AHEAD, last)], dim)
        at = rows[t] * dim
        for i in range(dim):
            out[t, i] = flat[at + i]


@nb.njit(cache=True, nogil=True)
def keep_best(products, rows, offsets, dead, values, kept, sizes):
    """Offer the rows of a tile to the best of each query; without offsets there is nothing to be taken off their products."""
    for query in range(len(products)):
        product = products[query]
        for t in range(len(offsets)):
            product[t] -= offsets[t]
        sizes[query] = keep_of_tile(product, rows, dead, values[query], kept[query], sizes[query])


@nb.njit(cache=True, nogil=True)
def score_kept(queries, flat, values, kept, sizes, squared, rounding, largest, out_rows, out_scores, certain):
    """Score the rows that were kept exactly, best first, until none that is left, or was not kept, could be among the best.

    ``certain`` says for which queries that came to be.
    """
    dim, k, capacity = queries.shape[1], out_rows.shape[1], values.shape[1]
    for query in range(len(queries)):
        scores, rows = out_scores[query], out_rows[query]
        wide = wide_query(queries[query])
        square = inner_product(wide, queries.reshape(-1), query * dim, dim)
        slack = rounding * (np.sqrt(square) * largest + (largest * largest if squared else 0.0))
        size, found = sizes[query], np.int64(0)
        put_best_first(values[query], kept[query], size)
        certain[query] = size < capacity
        for t in range(size):
            reach = np.float64(values[query, t]) + slack
            if found == k and scores[k - 1] > (2 * reach - square if squared else reach):
                certain[query] = True
                break
            prefetch_vector(flat, kept[query, min(t + 2, size - 1)], dim)
            score = exact_score(wide, flat, kept[query, t], dim, squared)
            found = insert(scores, rows, found, score, kept[query, t])
