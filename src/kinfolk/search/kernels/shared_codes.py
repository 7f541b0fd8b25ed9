"""Many queries under one filter, by one-byte codes: a quarter of the memory of the vectors, and a fifth of the time of a float32 product.

The codes of the rows that pass are gathered once and multiplied with all queries. As in ``one_bit`` a row has the highest score
that is plausible, here its estimate plus what the codes of row and query may be off; the rows of which most is plausible are scored
exactly, best first, until none of the others could be among the k best. Where the answer must be exact, all is plausible that there
can be; else some deviations of the codes are, and a neighbor is missed only where its codes are off by more. Where more rows than are
remembered have nearly the same score, codes are too coarse: ``certain`` says for which queries they were not.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from kinfolk.search.kernels.byte_products import QUERIES, ROWS, UNSIGNED, byte_products, pack_rows
from kinfolk.search.kernels.codes import HIGHEST, MOST_ERROR, ROUNDING, STEP_ERROR, round_query
from kinfolk.search.kernels.exact import exact_score, prefetch_vector, wide_query
from kinfolk.search.kernels.lines import onto_estimates
from kinfolk.search.kernels.products import inner_product
from kinfolk.search.kernels.subsets import Subset, rows_of
from kinfolk.search.kernels.tiles import insert, keep_of_tile, put_best_first

_LIKELY = np.float32(3) * STEP_ERROR  # deviations of a code that are allowed for
_TILE = 512  # rows: with 384 dimensions 200 KB of codes
_TOGETHER = 32  # queries whose codes stay in the nearest cache while those of the rows go by


def search_codes(
    queries: npt.NDArray[np.float32],
    subset: Subset,
    vectors: npt.NDArray[np.float32],
    codes: npt.NDArray[np.int8],
    numbers: npt.NDArray[np.float32],
    mean: npt.NDArray[np.float32],
    lengths: npt.NDArray[np.float64],
    dead: npt.NDArray[np.uint64],
    *,
    k: int,
    squared: bool,
    exact: bool,
    remembered: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Find the k rows with the best scores for each query.

    Args:
        queries: float32 (queries, dim), read-only.
        subset: the rows that pass, for all queries.
        vectors: float32 (num, dim).
        codes, numbers, mean: int8 (num, width) and float32 (num, 2) from ``encode_codes``, and what they were made with.
        lengths: of the vectors, float64 (num,).
        dead: bitmap of deleted rows; without words none was.
        k: how many.
        squared: whether the metric is ``l2``.
        exact: whether no neighbor may be missed.
        remembered: rows of each query, those of which most is plausible; more than k.

    Returns:
        Rows (queries, k), -1 where fewer pass; exact scores, -inf there; and certainty (queries,).
    """
    num, (dim, width) = len(queries), (vectors.shape[1], codes.shape[1])
    rounded = np.zeros((-(-num // QUERIES) * QUERIES, width), dtype=np.int8)
    scales, reaches = np.empty(num, dtype=np.float32), np.empty(num, dtype=np.float32)
    round_queries(queries, mean, rounded, scales, reaches, exact)
    turn = MOST_ERROR * np.sqrt(dim) if exact else _LIKELY
    heights, kept = np.empty((num, remembered), dtype=np.float32), np.empty((num, remembered), dtype=np.int64)
    sizes = np.zeros(num, dtype=np.int64)
    keep_plausible(
        rows_of(subset), codes.reshape(-1), numbers.reshape(-1), lengths, np.dot(mean, mean), squared, np.float32(turn),
        rounded.reshape(-1), scales, reaches, dead, heights, kept, sizes,
    )  # fmt: skip
    rows, scores = np.full((num, k), -1, dtype=np.int64), np.full((num, k), -np.inf)
    certain = np.zeros(num, dtype=np.bool_)
    score_plausible(queries, vectors.reshape(-1), mean, squared, heights, kept, sizes, rows, scores, certain)
    return rows, scores, certain


@nb.njit(cache=True, nogil=True)
def round_queries(queries, mean, rounded, scales, reaches, exact):
    """Write the codes of queries, their scales, and for a step of a row how far the code of the row may be off."""
    for query in range(len(queries)):
        centered = queries[query] - mean
        scales[query] = round_query(queries[query], mean, rounded[query], HIGHEST)
        if exact:
            reaches[query] = MOST_ERROR * (np.abs(centered).sum() + len(mean) * scales[query] / 2)
        else:
            reaches[query] = _LIKELY * np.sqrt(inner_product(wide_query(centered), centered, 0, len(mean)))


@nb.njit(cache=True, nogil=True)
def keep_plausible(
    listed, codes, numbers, lengths, square_of_mean, squared, turn, rounded, scales, reaches, dead, heights, kept, sizes
):  # fmt: skip
    """Offer all rows to the best of each query, by what is plausible.

    Both sides are rounded, and what each may be off by is added up.

    Args:
        listed: the rows that pass, int64.
        codes, numbers: of all rows, flat.
        lengths, square_of_mean, squared: of the vectors and the mean, and whether the metric is ``l2``.
        turn: for a step of a query, how far its code may be off against a row of length 1.
        rounded: int8, the codes of the queries one after the other, as many as are a multiple of QUERIES.
        scales, reaches: from ``round_queries``.
        dead: bitmap of deleted rows; without words none was.
        heights, kept: float32 and int64 (queries, capacity), what is kept, as of ``keep_of_tile``.
        sizes: int64 (queries,), how many that are.
    """
    num, width = len(heights), len(codes) // (len(numbers) // 2)
    packed, products = np.zeros(_TILE * width, np.uint8), np.empty(_TOGETHER * _TILE, np.int32)
    steps, turns, offsets = np.empty(_TILE, np.float32), np.empty(_TILE, np.float32), np.empty(_TILE, np.float32)
    values = np.empty(_TILE, np.float32)
    for start in range(0, len(listed), _TILE):
        tile = listed[start : start + _TILE]
        count = len(tile)
        pack_rows(codes, tile, width, packed)
        for t in range(count):
            row = tile[t]
            steps[t], offset = numbers[2 * row], numbers[2 * row + 1]
            offsets[t] = offset + ROUNDING * abs(offset)
            # What is added to a product tells the length of the row when the mean is taken off, up to what float32 rounds.
            square = -2.0 * offset
            if not squared:
                largest = lengths[row] * lengths[row] + square_of_mean
                square += largest + ROUNDING * largest
            turns[t] = turn * np.sqrt(max(square, 0.0))
        for first in range(0, num, _TOGETHER):
            some = min(_TOGETHER, num - first)
            for t in range(0, count, ROWS):
                for query in range(0, some, QUERIES):
                    byte_products(
                        rounded, (first + query) * width, packed, t * width, width, products, query * _TILE + t, _TILE
                    )
            for query in range(first, first + some):
                product, scale, reach = products[(query - first) * _TILE :], scales[query], reaches[query]
                unsigned = UNSIGNED * sum_of_code(rounded, query, width)
                for t in range(count):
                    centered = np.float32(product[t] - unsigned)
                    values[t] = (centered * scale + reach) * steps[t] + (offsets[t] + turns[t] * scale)
                sizes[query] = keep_of_tile(values, tile, dead, heights[query], kept[query], sizes[query])


@nb.njit(cache=True, nogil=True)
def sum_of_code(codes, row, width):
    """The sum of a row's code."""
    total = np.int64(0)
    for i in range(row * width, (row + 1) * width):
        total += np.int64(codes[i])
    return total


@nb.njit(cache=True, nogil=True)
def score_plausible(queries, flat, mean, squared, heights, kept, sizes, out_rows, out_scores, certain):
    """Score the rows that were kept exactly, best first, until none that is left, or was not kept, could be among the best.

    ``certain`` says for which queries that came to be.
    """
    dim, k, capacity = queries.shape[1], out_rows.shape[1], heights.shape[1]
    for query in range(len(queries)):
        best, rows = out_scores[query], out_rows[query]
        wide, found, size = wide_query(queries[query]), np.int64(0), sizes[query]
        centered = queries[query] - mean
        square = inner_product(wide_query(centered), centered, 0, dim)
        shift, scale = onto_estimates(queries[query], mean, square, squared)
        put_best_first(heights[query], kept[query], size)
        certain[query] = size < capacity
        for t in range(min(size, k)):
            prefetch_vector(flat, kept[query, t], dim)
        for t in range(size):
            if found == k and np.float64(heights[query, t]) < (best[k - 1] + shift) * scale:
                certain[query] = True
                break
            found = insert(best, rows, found, exact_score(wide, flat, kept[query, t], dim, squared), kept[query, t])
