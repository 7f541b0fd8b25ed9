"""Many queries under one filter, by one-byte codes: a third of the memory of the vectors, and half the time of a float32 product.

The codes of the rows that pass are gathered once and multiplied with all queries. As in ``one_bit`` a row has the highest score
that is plausible, here its estimate plus some errors of its code; the rows of which most is plausible are scored exactly, best first, until
none of the others could be among the k best. A neighbor is missed only where its code is off by more errors than are
allowed for. Where more rows than are remembered have nearly the same score, codes are too coarse: ``certain`` says for which queries.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from kinfolk.search.kernels.codes import ROUNDING, STEP_ERROR, prefetch_code, round_query
from kinfolk.search.kernels.exact import exact_score, prefetch_vector, wide_query, write_best
from kinfolk.search.kernels.heaps import keep, sort_best_first
from kinfolk.search.kernels.lines import onto_estimates
from kinfolk.search.kernels.products import QUERIES, ROWS, code_products, inner_product
from kinfolk.search.kernels.subsets import Subset, has_bit, rows_of

SPARE = 14  # rows beyond k that are remembered
ERRORS = 3.0  # of a code, that are allowed for
_TILE = 512  # rows: with 384 dimensions 400 KB of codes
_TOGETHER = 32  # queries whose codes stay in the nearest cache while those of the rows go by


def search_codes(
    queries: npt.NDArray[np.float32],
    subset: Subset,
    vectors: npt.NDArray[np.float32],
    codes: npt.NDArray[np.int8],
    numbers: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
    dead: npt.NDArray[np.uint64],
    *,
    k: int,
    squared: bool,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Find the k rows with the best scores for each query.

    Args:
        queries: float32 (queries, dim), read-only.
        subset: the rows that pass, for all queries.
        vectors: float32 (num, dim).
        codes, numbers, mean: int8 (num, width) and float32 (num, 2) from ``encode_codes``, and what they were made with.
        dead: bitmap of deleted rows; without words none was.
        k: how many.
        squared: whether the metric is ``l2``.

    Returns:
        Rows (queries, k), -1 where fewer pass; exact scores, -inf there; and certainty (queries,).
    """
    num, width, capacity = len(queries), codes.shape[1], k + SPARE
    rounded = np.zeros((-(-num // QUERIES) * QUERIES, width), dtype=np.int16)
    scales, lengths = np.empty(num, dtype=np.float32), np.empty(num, dtype=np.float32)
    round_queries(queries, mean, rounded, scales, lengths)
    heights, kept = np.empty((num, capacity), dtype=np.float32), np.empty((num, capacity), dtype=np.int64)
    sizes, listed = np.zeros(num, dtype=np.int64), rows_of(subset)
    flat_codes, flat_numbers = codes.reshape(-1), numbers.reshape(-1)
    keep_plausible(
        listed, flat_codes, flat_numbers, rounded.reshape(-1), scales, lengths, dead, heights, kept, sizes
    )  # fmt: skip
    rows, scores = np.full((num, k), -1, dtype=np.int64), np.full((num, k), -np.inf)
    certain = np.zeros(num, dtype=np.bool_)
    score_plausible(queries, vectors.reshape(-1), mean, squared, heights, kept, sizes, rows, scores, certain)
    return rows, scores, certain


@nb.njit(cache=True, nogil=True)
def round_queries(queries, mean, rounded, scales, lengths):
    """Write the codes of queries, their scales, and for each the errors of a row's code that are allowed for, but for the row's part."""
    for query in range(len(queries)):
        centered = queries[query] - mean
        scales[query] = round_query(queries[query], mean, rounded[query])
        lengths[query] = ERRORS * np.sqrt(inner_product(wide_query(centered), centered, 0, len(mean)))


@nb.njit(cache=True, nogil=True)
def keep_plausible(listed, codes, numbers, rounded, scales, lengths, dead, heights, kept, sizes):
    """Offer all rows to the best of each query, by what is plausible.

    Args:
        listed: the rows that pass, int64.
        codes, numbers: of all rows, flat.
        rounded: int16, the codes of the queries one after the other, as many as are a multiple of QUERIES.
        scales, lengths: from ``round_queries``.
        dead: bitmap of deleted rows; without words none was.
        heights, kept: float32 and int64 (queries, capacity), heaps.
        sizes: int64 (queries,), how many are in them.
    """
    num, capacity = heights.shape
    width, last = len(codes) // (len(numbers) // 2), len(listed) - 1
    wide = np.zeros(_TILE * width, np.int16)
    steps, offsets = np.empty(_TILE, np.float32), np.empty(_TILE, np.float32)
    products, values = np.empty(_TOGETHER * _TILE, np.int32), np.empty(_TILE, np.float32)
    for start in range(0, len(listed), _TILE):
        count = min(_TILE, len(listed) - start)
        for t in range(count):
            row = listed[start + t]
            prefetch_code(codes, listed[min(start + t + 6, last)], width)
            wide[t * width : (t + 1) * width] = codes[row * width : (row + 1) * width]
            steps[t], offsets[t] = numbers[2 * row], numbers[2 * row + 1] + ROUNDING * abs(numbers[2 * row + 1])
        for first in range(0, num, _TOGETHER):
            some = min(_TOGETHER, num - first)
            for t in range(0, count, ROWS):
                for query in range(0, some, QUERIES):
                    code_products(
                        rounded, (first + query) * width, wide, t * width, width, products, query * _TILE + t, _TILE
                    )
            for query in range(first, first + some):
                at, scale, size = (query - first) * _TILE, scales[query], sizes[query]
                error = lengths[query] * STEP_ERROR
                for t in range(count):
                    values[t] = np.float32(products[at + t]) * (scale * steps[t]) + (offsets[t] + error * steps[t])
                best, rows = heights[query], kept[query]
                for t in range(count):
                    if (size < capacity or values[t] >= best[0]) and not has_bit(dead, listed[start + t]):
                        size = keep(best, rows, size, capacity, values[t], listed[start + t])
                sizes[query] = size


@nb.njit(cache=True, nogil=True)
def score_plausible(queries, flat, mean, squared, heights, kept, sizes, out_rows, out_scores, certain):
    """Score the rows that were kept exactly, best first, until none that is left, or was not kept, could be among the best.

    ``certain`` says for which queries that came to be.
    """
    dim, k, capacity = queries.shape[1], out_rows.shape[1], heights.shape[1]
    best, rows = np.empty(k, np.float64), np.empty(k, np.int64)
    for query in range(len(queries)):
        wide, found, size = wide_query(queries[query]), np.int64(0), sizes[query]
        centered = queries[query] - mean
        square = inner_product(wide_query(centered), centered, 0, dim)
        shift, scale = onto_estimates(queries[query], mean, square, squared)
        sort_best_first(heights[query], kept[query], size)
        certain[query] = size < capacity
        for t in range(min(size, k)):
            prefetch_vector(flat, kept[query, t], dim)
        for t in range(size):
            if found == k and np.float64(heights[query, t]) < (best[0] + shift) * scale:
                certain[query] = True
                break
            found = keep(best, rows, found, k, exact_score(wide, flat, kept[query, t], dim, squared), kept[query, t])
        write_best(best, rows, found, out_rows[query], out_scores[query])
