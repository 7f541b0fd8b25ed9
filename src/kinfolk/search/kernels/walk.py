"""A walk over the lowest layer of an HNSW graph that steps on every row and keeps those that pass.

Malkov and Yashunin 2018, "Efficient and robust approximate nearest neighbor search using hierarchical navigable small world graphs"
(arXiv 1603.09320), algorithm 2, where only rows that pass the filter enter the result. The graph stays connected whatever the
filter is; about ``breadth / share of rows that pass`` rows are looked at. The walk begins at rows of a sample that are near the query
instead of the upper layers; the same look at the sample tells whether the filter keeps away from the query, where a walk would
find little. A row is looked at in two steps: by its line of one bit a dimension, which is one cache line, and only if it
is plausible that the row is of use by its int8 code, which is six with 384 dimensions. What the walk ends with is scored exactly.

Rows keep the order they came in, so that graph, bitmaps and lists of ids number them alike; that links lead to far places in
memory is hidden by asking for the lines of all links of a row before the first is read.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numba as nb
import numpy as np

from kinfolk.search.kernels.codes import estimate, finest, prefetch_code, round_query
from kinfolk.search.kernels.exact import exact_score, prefetch_vector, wide_query, write_best
from kinfolk.search.kernels.heaps import add_to_frontier, drop_best, is_worse, keep, sort_best_first
from kinfolk.search.kernels.instructions import prefetch
from kinfolk.search.kernels.lines import line_layout, plausible, prepare_query
from kinfolk.search.kernels.subsets import BITMAP, has_bit

NEAR = 32  # rows of the sample that count as near a query
ENTRIES = 8  # of them, that a walk begins with
ERRORS = 1.5  # that the line of a row may be too low by, for its code to be read


@nb.njit(cache=True, nogil=True)
def walk(
    first, last, queries, subsets, flat, dead, squared, codes, numbers, mean, links, lines, signs, sample, sample_lines, breadth,
    least_near, visited, epoch, frontier_values, frontier_rows, out_rows, out_scores, out_near, out_visited,
):  # fmt: skip
    """Find rows with high scores for the queries ``first`` up to ``last``; rows after the graph's are scored one by one.

    Args:
        first, last, queries, subsets, flat, dead, squared, out_rows, out_scores: as for ``exact_scan``; subsets are bitmaps, or spans
            of all rows.
        codes, numbers: int8 (num * width,) and float32 (2 * num,), from ``encode_codes``.
        mean: what codes and lines were made with.
        links: int32 (num_linked, links), the neighbors of each row, and -1 after the last.
        lines, signs: as for ``one_bit_scan``.
        sample, sample_lines: rows to begin with, int64, and their lines one after the other.
        breadth: int64 (queries,), rows that pass that the walk keeps, at least k; more give a higher recall.
        least_near: int64 (queries,), how many of the NEAR rows of the sample that are nearest have to pass: else no walk is made.
        visited: int32 (num,), numbers below ``epoch``: this thread's own.
        epoch: the number of the first query; the others count up from it.
        frontier_values, frontier_rows: float32 and int32 (num,): this thread's own.
        out_near: int64 (queries,), how many of the NEAR rows pass.
        out_visited: int64 (queries,), rows whose lines were read; 0 where no walk was made.
    """
    dim, k, width = queries.shape[1], out_rows.shape[1], len(codes) // (len(numbers) // 2)
    num, num_linked, num_links = len(numbers) // 2, len(links), links.shape[1]
    words, at = line_layout(dim)
    line_numbers, flat_links = lines.view(np.float32), links.reshape(-1)
    rounded, fresh = np.empty(width, np.int16), np.empty(num_links, np.int64)
    planes = np.empty(4 * words, np.uint64)
    near_values, near = np.empty(NEAR, np.float32), np.empty(NEAR, np.int64)
    widest = np.int64(1)
    for query in range(first, last):
        widest = max(widest, breadth[query])
    values, kept = np.empty(widest, np.float32), np.empty(widest, np.int64)
    scores, rows = np.empty(k, np.float64), np.empty(k, np.int64)
    for query in range(first, last):
        filtered = subsets.kinds[query] == BITMAP
        bits = subsets.words[subsets.starts[query] : subsets.stops[query]] if filtered else subsets.words[:0]
        low, step, levels, square = prepare_query(queries[query], mean, signs, planes)
        num_near = _nearest(planes, low, step, levels, sample_lines, words, at, near_values, near)
        passing = num_near
        if filtered:
            passing = 0
            for t in range(num_near):
                passing += has_bit(bits, sample[near[t]])
        out_near[query] = passing
        if passing < least_near[query]:
            continue
        margin = np.float32(ERRORS * np.sqrt(square))
        rounding = np.float32(ERRORS * np.sqrt(dim / 12.0)) * step
        mark = epoch + query - first
        scale = round_query(queries[query], mean, rounded, finest(len(rounded)))
        size, waiting, seen = np.int64(0), np.int64(0), 0
        for t in range(min(ENTRIES, num_near)):
            entry = sample[near[t]]
            if entry >= num_linked:
                continue
            visited[entry] = mark
            seen += 1
            value = estimate(rounded, codes, numbers, entry, scale)
            waiting = add_to_frontier(frontier_values, frontier_rows, waiting, value, entry)
            if (not filtered or has_bit(bits, entry)) and not has_bit(dead, entry):
                size = keep(values, kept, size, breadth[query], value, entry)
        while waiting > 0:
            if size == breadth[query] and frontier_values[0] < values[0]:
                break
            here = frontier_rows[0]
            waiting = drop_best(frontier_values, frontier_rows, waiting)
            if waiting > 0:
                next_links = np.int64(frontier_rows[0]) * num_links
                for link in range(next_links, next_links + num_links, 16):
                    prefetch(flat_links, link)
            num_fresh = 0
            for link in links[here]:
                if link < 0:
                    break
                if visited[link] != mark:
                    visited[link] = mark
                    fresh[num_fresh] = link
                    num_fresh += 1
                    prefetch(lines, np.int64(link) * words)
            seen += num_fresh
            full, num_plausible = size == breadth[query], 0
            for t in range(num_fresh):
                row = fresh[t]
                if full:
                    value = plausible(planes, lines, line_numbers, row, words, at, low, step, levels, margin, rounding)
                    if value < values[0]:
                        continue
                fresh[num_plausible] = row
                num_plausible += 1
                prefetch_code(codes, row, width)
                prefetch(numbers, 2 * row)
            for t in range(num_plausible):
                row = fresh[t]
                value = estimate(rounded, codes, numbers, row, scale)
                if size < breadth[query] or not is_worse(value, row, values[0], kept[0]):
                    waiting = add_to_frontier(frontier_values, frontier_rows, waiting, value, row)
                    if (not filtered or has_bit(bits, row)) and not has_bit(dead, row):
                        size = keep(values, kept, size, breadth[query], value, row)
        out_visited[query] = seen
        wide, found = wide_query(queries[query]), np.int64(0)
        for t in range(size):
            prefetch_vector(flat, kept[t], dim)
        for t in range(size):
            score = exact_score(wide, flat, kept[t], dim, squared)
            found = keep(scores, rows, found, k, score, kept[t])
        for row in range(num_linked, num):
            if (not filtered or has_bit(bits, row)) and not has_bit(dead, row):
                score = exact_score(wide, flat, row, dim, squared)
                found = keep(scores, rows, found, k, score, row)
        write_best(scores, rows, found, out_rows[query], out_scores[query])


@nb.njit(cache=True, nogil=True)
def _nearest(planes, low, step, levels, lines, words, at, values, near):
    """Write the lines with the highest estimates, best first, as many as there is room for; how many is returned."""
    numbers, none, size = lines.view(np.float32), np.float32(0), np.int64(0)
    for line in range(len(lines) // words):
        value = plausible(planes, lines, numbers, line, words, at, low, step, levels, none, none)
        if size < len(near) or value >= values[0]:
            size = keep(values, near, size, len(near), value, line)
    sort_best_first(values, near, size)
    return size
