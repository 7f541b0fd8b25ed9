"""A scan of one cache line a row that keeps its recall under any filter.

**The rule.** Of each row the highest score that is plausible is known: the estimate of its line plus ``errors`` times its error (see
``lines``). Every row is scored for which that is not below the k-th best score, so a neighbor is missed only where its estimate is too
low by more than ``errors`` errors; the filter, however it is related to the query, cannot lower the recall. The project's own
rule; RaBitQ has it inside the cells of an inverted file.

**The way.** A first pass writes down what is plausible for each row. The few rows of which most is plausible are looked at by their
codes of a byte a dimension (see ``codes``), and the k-th best of them is a bound; a second pass over what was written down looks
so at whatever reaches it, and raises it. At last the rows that could be among the best by their codes, hardly more than k, are
scored exactly.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numba as nb
import numpy as np

from kinfolk.search.kernels.codes import code_error, estimate, finest, prefetch_code, round_query
from kinfolk.search.kernels.exact import exact_score, prefetch_vector, wide_query, write_best
from kinfolk.search.kernels.heaps import keep
from kinfolk.search.kernels.instructions import prefetch
from kinfolk.search.kernels.lines import line_layout, onto_estimates, plausible, prepare_query
from kinfolk.search.kernels.subsets import ROOM, has_bit, next_rows

AHEAD = 24  # rows between asking for a line and reading it
SPARE = 8  # rows that are looked at first, beyond twice as many as are asked for
CODE_ERRORS = (
    3  # errors of a code that are allowed for beyond those of a line: it is never the reason that a neighbor is missed
)


@nb.njit(cache=True, nogil=True)
def one_bit_scan(
    first, last, queries, subsets, flat, dead, squared, lines, order, codes, code_numbers, mean, signs, errors, heights, rows,
    out_rows, out_scores, out_scored,
):  # fmt: skip
    """Find the rows with the best scores for the queries ``first`` up to ``last``, as far as errors allow.

    Args:
        first, last, queries, subsets, flat, dead, squared, out_rows, out_scores: as for ``exact_scan``.
        lines: uint64 (num * words,), aligned to 64 bytes.
        order: row of each line, int32 (num,), where lines are in the order of an attribute and subsets count lines; empty
            where line i is row i.
        codes, code_numbers: int8 (num * width,) and float32 (2 * num,), from ``encode_codes``.
        mean, signs: what lines and codes were made with.
        errors: errors that an estimate is taken to be too low by; more give a higher recall.
        heights, rows: float32 and int32 (num,), written to: this thread's own.
        out_scored: int64 (queries,), how many rows were scored exactly.
    """
    dim, k = queries.shape[1], out_rows.shape[1]
    words, at = line_layout(dim)
    numbers = lines.view(np.float32)
    planes, block = np.empty(4 * words, np.uint64), np.empty(ROOM, np.int32)
    top_heights, top = np.empty(2 * k + SPARE, np.float32), np.empty(2 * k + SPARE, np.int64)
    best, best_rows = np.empty(k, np.float64), np.empty(k, np.int64)
    for query in range(first, last):
        low, step, levels, square = prepare_query(queries[query], mean, signs, planes)
        margin = np.float32(errors * np.sqrt(square))
        rounding = np.float32(errors * np.sqrt(dim / 12.0)) * step
        num, num_top, cursor = np.int64(0), np.int64(0), subsets.starts[query]
        while cursor < subsets.stops[query]:
            count, cursor = next_rows(subsets, query, cursor, block)
            for t in range(count):
                prefetch(lines, np.int64(block[min(t + AHEAD, count - 1)]) * words)
                line = np.int64(block[t])
                row = np.int64(order[line]) if len(order) > 0 else line
                if has_bit(dead, row):
                    continue
                height = plausible(planes, lines, numbers, line, words, at, low, step, levels, margin, rounding)
                heights[num], rows[num] = height, row
                if num_top < len(top) or height > top_heights[0]:
                    num_top = keep(top_heights, top, num_top, len(top), height, num)
                num += 1
        shift, scale = onto_estimates(queries[query], mean, square, squared)
        wide, found, scored = wide_query(queries[query]), np.int64(0), 0
        num = _by_codes(queries[query], mean, codes, code_numbers, errors, square, k, heights, rows, num, top, num_top)
        for t in range(num):
            if t % AHEAD == 0:
                for later in range(t, t + AHEAD if t + AHEAD < num else num):
                    prefetch_vector(flat, np.int64(rows[later]), dim)
            if found < k or np.float64(heights[t]) >= (best[0] + shift) * scale:
                row = np.int64(rows[t])
                found = keep(best, best_rows, found, k, exact_score(wide, flat, row, dim, squared), row)
                scored += 1
        out_scored[query] = scored
        write_best(best, best_rows, found, out_rows[query], out_scores[query])


@nb.njit(cache=True, nogil=True)
def _by_codes(query, mean, codes, numbers, errors, square, k, heights, rows, num, top, num_top):
    """Leave of the rows those that could be among the k best by their codes, with what is plausible by these; their number is returned.

    Args:
        query, mean, codes, numbers, errors, k: of the scan; ``square`` is the squared length of the query minus the mean.
        heights, rows: what is plausible for each row, and the rows; overwritten from the beginning.
        num: how many there are.
        top: places in them of the rows of which most is plausible; ``num_top`` of them.
    """
    width = len(codes) // (len(numbers) // 2)
    rounded = np.empty(width, np.int16)
    scale = round_query(query, mean, rounded, finest(len(rounded)))
    length = np.float32((CODE_ERRORS + errors) * np.sqrt(square))
    lowest, nearest = np.empty(k, np.float32), np.empty(k, np.int64)  # of the k best, the lowest that is plausible
    top_heights, top_rows = np.empty(num_top, np.float32), np.empty(num_top, np.int32)
    size = np.int64(0)
    for t in range(num_top):
        prefetch_code(codes, np.int64(rows[top[t]]), width)
    for t in range(num_top):
        row = np.int64(rows[top[t]])
        value, error = estimate(rounded, codes, numbers, row, scale), code_error(numbers, row, length)
        size = keep(lowest, nearest, size, k, value - error, row)
        heights[top[t]] = -np.inf  # not to be looked at again
        top_heights[t], top_rows[t] = value + error, row
    if size == k:
        num = _those_above(lowest[0], heights, rows, num)
    left = np.int64(0)
    for t in range(num):
        prefetch_code(codes, np.int64(rows[min(t + 4, num - 1)]), width)
        if heights[t] > -np.inf and (size < k or heights[t] >= lowest[0]):
            row = np.int64(rows[t])
            value, error = estimate(rounded, codes, numbers, row, scale), code_error(numbers, row, length)
            size = keep(lowest, nearest, size, k, value - error, row)
            heights[left], rows[left] = value + error, row
            left += 1
    for t in range(num_top):
        heights[left], rows[left] = top_heights[t], top_rows[t]
        left += 1
    return _those_above(lowest[0], heights, rows, left) if size == k else left


@nb.njit(cache=True, nogil=True)
def _those_above(bound, heights, rows, num):
    """Move the rows for which a bound is plausible to the beginning; their number is returned."""
    left = np.int64(0)
    for t in range(num):
        if heights[t] >= bound:
            heights[left], rows[left] = heights[t], rows[t]
            left += 1
    return left


@nb.njit(cache=True, nogil=True)
def needed_errors(queries, rows, scores, squared, lines, mean, signs):
    """How many errors a scan had to allow for in order to find each of these rows, float64 (queries, k).

    A row is found if what is plausible for it reaches the lowest of the scores; that is linear in the errors allowed for.

    Args:
        queries, squared, lines, mean, signs: as for ``one_bit_scan``.
        rows: the true neighbors of each query, int64 (queries, k).
        scores: their exact scores, best first, float64 (queries, k).
    """
    num_queries, dim = queries.shape
    words, at = line_layout(dim)
    numbers = lines.view(np.float32)
    planes, needed = np.empty(4 * words, np.uint64), np.empty(rows.shape, np.float64)
    none = np.float32(0)
    for query in range(num_queries):
        low, step, levels, square = prepare_query(queries[query], mean, signs, planes)
        shift, scale = onto_estimates(queries[query], mean, square, squared)
        bound = (scores[query, -1] + shift) * scale
        for t in range(rows.shape[1]):
            line = rows[query, t]
            estimate = plausible(planes, lines, numbers, line, words, at, low, step, levels, none, none)
            n = 2 * line * words + at
            error = np.sqrt(square) * numbers[n + 3] + np.sqrt(dim / 12.0) * step * numbers[n]
            needed[query, t] = (bound - estimate) / error if error > 0 else 0.0
    return needed
