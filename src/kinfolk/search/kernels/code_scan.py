"""A scan of one byte a dimension: for some dozens to hundreds of rows, of which a quarter of the memory is read that vectors take.

Each row has the highest and the lowest score that is plausible: its estimate by its code, give or take what the code may be off. The
k-th best of the lowest is a bound, and the rows whose highest reaches it, hardly more than k, are scored exactly. Where the answer must
be exact, a code is taken to be off by as much as there can be; else by some deviations.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numba as nb
import numpy as np

from kinfolk.search.kernels.codes import (
    HIGHEST,
    MOST_ERROR,
    ROUNDING,
    STEP_ERROR,
    estimate,
    finest,
    prefetch_code,
    round_query,
)
from kinfolk.search.kernels.exact import exact_score, prefetch_vector, wide_query, write_best
from kinfolk.search.kernels.heaps import keep
from kinfolk.search.kernels.lines import onto_estimates
from kinfolk.search.kernels.products import inner_product
from kinfolk.search.kernels.subsets import ROOM, has_bit, next_rows

ERRORS = np.float32(4)  # deviations of a row's code that are allowed for; that of the query is finer
_AHEAD = 8  # rows between asking for a code and reading it
_SCORED_AHEAD = 3  # likewise for vectors


@nb.njit(cache=True, nogil=True)
def code_scan(
    first, last, queries, subsets, flat, dead, squared, codes, code_numbers, mean, exact, heights, rows, out_rows, out_scores
):  # fmt: skip
    """Find the rows with the best scores for the queries ``first`` up to ``last``.

    Args:
        first, last, queries, subsets, flat, dead, squared, out_rows, out_scores: as for ``exact_scan``.
        codes, code_numbers, mean: int8 (num * width,) and float32 (2 * num,), from ``encode_codes``, and what they were made with.
        exact: whether no neighbor may be missed.
        heights, rows: float32 and int32 (num,), written to: this thread's own.
    """
    dim, k = queries.shape[1], out_rows.shape[1]
    width = len(codes) // (len(code_numbers) // 2)
    block, rounded = np.empty(ROOM, np.int32), np.empty(width, np.int16)
    lowest, nearest = np.empty(k, np.float32), np.empty(k, np.int64)
    best, best_rows = np.empty(k, np.float64), np.empty(k, np.int64)
    for query in range(first, last):
        scale = round_query(queries[query], mean, rounded, finest(width))
        centered, wide = queries[query] - mean, wide_query(queries[query])
        square = inner_product(wide_query(centered), centered, 0, dim)
        reach = np.float32(_reach_of(centered, square, scale, exact))
        num, size, cursor = np.int64(0), np.int64(0), subsets.starts[query]
        while cursor < subsets.stops[query]:
            count, cursor = next_rows(subsets, query, cursor, block)
            for t in range(count):
                prefetch_code(codes, np.int64(block[min(t + _AHEAD, count - 1)]), width)
                row = np.int64(block[t])
                if has_bit(dead, row):
                    continue
                value = estimate(rounded, codes, code_numbers, row, scale)
                error = reach * code_numbers[2 * row] + ROUNDING * abs(code_numbers[2 * row + 1])
                if size < k or value - error >= lowest[0]:
                    size = keep(lowest, nearest, size, k, value - error, row)
                if size < k or value + error >= lowest[0]:
                    heights[num], rows[num] = value + error, row
                    num += 1
        left = np.int64(0)
        for t in range(num):
            if size < k or heights[t] >= lowest[0]:
                heights[left], rows[left] = heights[t], rows[t]
                left += 1
        shift, onto = onto_estimates(queries[query], mean, square, squared)
        found = np.int64(0)
        for t in range(left):
            prefetch_vector(flat, np.int64(rows[min(t + _SCORED_AHEAD, left - 1)]), dim)
            if found < k or np.float64(heights[t]) >= (best[0] + shift) * onto:
                row = np.int64(rows[t])
                found = keep(best, best_rows, found, k, exact_score(wide, flat, row, dim, squared), row)
        write_best(best, best_rows, found, out_rows[query], out_scores[query])


@nb.njit(cache=True, nogil=True)
def _reach_of(centered, square, scale, exact):
    """How far an estimate may be off for a step of the row, as its values are rounded and, more finely, those of the query."""
    if exact:
        return MOST_ERROR * (np.abs(centered).sum() + scale * HIGHEST * len(centered))
    return ERRORS * STEP_ERROR * np.sqrt(square)
