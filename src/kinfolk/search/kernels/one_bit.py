"""A scan of one cache line a row that keeps its recall under any filter.

**The rule.** Rows are ranked by the highest score that is plausible: the estimate plus ``errors`` times its error (see ``lines``). The best
of them are scored exactly, best first, until none of the others could plausibly be among the k best. Where the short list ends before,
a second pass scores every row that is left and still plausible. So a neighbor is missed only where its estimate is too low by
more than ``errors`` errors; neither the size of the short list nor the filter, however it is related to the query, can
lower the recall. The project's own rule; RaBitQ has it inside the cells of an inverted file.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numba as nb
import numpy as np

from kinfolk.search.kernels.exact import exact_score, prefetch_vector, wide_query, write_best
from kinfolk.search.kernels.heaps import is_worse, keep, sort_best_first
from kinfolk.search.kernels.instructions import prefetch
from kinfolk.search.kernels.lines import line_layout, onto_estimates, plausible, prepare_query
from kinfolk.search.kernels.subsets import ROOM, has_bit, next_rows

AHEAD = 24  # rows between asking for a line and reading it


@nb.njit(cache=True, nogil=True)
def one_bit_scan(
    first, last, queries, subsets, flat, dead, squared, lines, order, mean, signs, errors, shortlists,
    out_rows, out_scores, out_scored,
):  # fmt: skip
    """Find the rows with the best scores for the queries ``first`` up to ``last``, as far as errors allow.

    Args:
        first, last, queries, subsets, flat, dead, squared, out_rows, out_scores: as for ``exact_scan``.
        lines: uint64 (num * words,), aligned to 64 bytes.
        order: row of each line, int32 (num,), where lines are in the order of an attribute and subsets count lines; empty
            where line i is row i.
        mean, signs: what the lines were made with.
        errors: errors that an estimate is taken to be too low by; more give a higher recall.
        shortlists: rows that are remembered for exact scoring, int64 (queries,), at least k; they decide the time alone.
        out_scored: int64 (queries,), how many rows were scored exactly.
    """
    dim, k = queries.shape[1], out_rows.shape[1]
    words, at = line_layout(dim)
    numbers = lines.view(np.float32)
    planes, block = np.empty(4 * words, np.uint64), np.empty(ROOM, np.int32)
    longest = np.int64(1)
    for query in range(first, last):
        longest = max(longest, shortlists[query])
    values, listed = np.empty(longest, np.float32), np.empty(longest, np.int64)
    scores, rows = np.empty(k, np.float64), np.empty(k, np.int64)
    for query in range(first, last):
        shortlist = shortlists[query]
        low, step, levels, square = prepare_query(queries[query], mean, signs, planes)
        margin = np.float32(errors * np.sqrt(square))
        rounding = np.float32(errors * np.sqrt(dim / 12.0)) * step
        shift, scale = onto_estimates(queries[query], mean, square, squared)
        wide = wide_query(queries[query])
        size, cursor = np.int64(0), subsets.starts[query]
        while cursor < subsets.stops[query]:
            count, cursor = next_rows(subsets, query, cursor, block)
            for t in range(count):
                prefetch(lines, np.int64(block[min(t + AHEAD, count - 1)]) * words)
                line = np.int64(block[t])
                value = plausible(planes, lines, numbers, line, words, at, low, step, levels, margin, rounding)
                if size < shortlist or value >= values[0]:
                    row = np.int64(order[line]) if len(order) > 0 else np.int64(line)
                    if not has_bit(dead, row):
                        size = keep(values, listed, size, shortlist, value, row)
        sort_best_first(values, listed, size)
        found, scored = np.int64(0), 0
        while scored < size and (found < k or np.float64(values[scored]) >= (scores[0] + shift) * scale):
            if scored + 2 < size:
                prefetch_vector(flat, listed[scored + 2], dim)
            score = exact_score(wide, flat, listed[scored], dim, squared)
            found = keep(scores, rows, found, k, score, listed[scored])
            scored += 1
        if scored == size == shortlist:
            # The list was too short: whatever did not get onto it and is plausible still is scored now.
            lowest, last_listed = values[size - 1], listed[size - 1]
            cursor = subsets.starts[query]
            while cursor < subsets.stops[query]:
                count, cursor = next_rows(subsets, query, cursor, block)
                for t in range(count):
                    prefetch(lines, np.int64(block[min(t + AHEAD, count - 1)]) * words)
                    line = np.int64(block[t])
                    value = plausible(planes, lines, numbers, line, words, at, low, step, levels, margin, rounding)
                    if found < k or np.float64(value) >= (scores[0] + shift) * scale:
                        row = np.int64(order[line]) if len(order) > 0 else np.int64(line)
                        if is_worse(value, row, lowest, last_listed) and not has_bit(dead, row):
                            score = exact_score(wide, flat, row, dim, squared)
                            found = keep(scores, rows, found, k, score, row)
                            scored += 1
        out_scored[query] = scored
        write_best(scores, rows, found, out_rows[query], out_scores[query])


@nb.njit(cache=True, nogil=True)
def nearest_lines(first, last, queries, lines, mean, signs, out_lines):
    """Find the lines with the highest estimates, without exact scores, best first: a glance at a sample of rows.

    Args:
        first, last, queries, mean, signs: as for ``one_bit_scan``.
        lines: uint64 (num * words,) of the sample.
        out_lines: int64 (queries, count), filled with -1.
    """
    dim, count = queries.shape[1], out_lines.shape[1]
    words, at = line_layout(dim)
    numbers = lines.view(np.float32)
    planes, values = np.empty(4 * words, np.uint64), np.empty(count, np.float32)
    none = np.float32(0)
    for query in range(first, last):
        low, step, levels, _ = prepare_query(queries[query], mean, signs, planes)
        size = np.int64(0)
        for line in range(len(lines) // words):
            value = plausible(planes, lines, numbers, line, words, at, low, step, levels, none, none)
            if size < count or value >= values[0]:
                size = keep(values, out_lines[query], size, count, value, line)
        sort_best_first(values, out_lines[query], size)


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
