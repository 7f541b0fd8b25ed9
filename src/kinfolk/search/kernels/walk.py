"""A walk over the lowest layer of an HNSW graph that steps on every row and keeps those that pass.

Malkov and Yashunin 2018, "Efficient and robust approximate nearest neighbor search using hierarchical navigable small world graphs"
(arXiv 1603.09320), algorithm 2, where only rows that pass the filter enter the result. The graph stays connected whatever the
filter is; about ``breadth / share of rows that pass`` rows are looked at. The walk begins at rows of a sample that are near the query
instead of the upper layers. Distances are those of int8 codes, and what the walk ends with is scored exactly.

Rows keep the order they came in, so that graph, bitmaps and lists of ids number them alike; that links lead to far places in
memory is hidden by asking for the codes of all links of a row before the first is read.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numba as nb
import numpy as np

from kinfolk.search.kernels.exact import exact_score, prefetch_vector, wide_query, write_best
from kinfolk.search.kernels.heaps import add_to_frontier, drop_best, is_worse, keep
from kinfolk.search.kernels.instructions import prefetch
from kinfolk.search.kernels.products import CODES, code_product
from kinfolk.search.kernels.subsets import BITMAP, has_bit


def code_width(dim: int) -> int:
    """Bytes of the codes of a row: one a dimension, up to a multiple of 64."""
    return -(-dim // CODES) * CODES


@nb.njit(cache=True, nogil=True)
def encode_codes(vectors, mean, squared, codes, numbers):
    """Write the int8 codes of rows minus the mean, and for each row the scale and what is added to a product.

    Args:
        vectors: float32 (num, dim).
        mean: float32 (dim,).
        squared: whether the metric is ``l2``.
        codes: int8 (num, width) of zeros.
        numbers: float32 (num, 2).
    """
    num, dim = vectors.shape
    for row in range(num):
        highest, offset, square = np.float32(0), 0.0, 0.0
        for i in range(dim):
            value = vectors[row, i] - mean[i]
            highest = max(highest, abs(value))
            offset += np.float64(vectors[row, i]) * mean[i]
            square += np.float64(value) * value
        if highest > 0:
            for i in range(dim):
                codes[row, i] = np.rint((vectors[row, i] - mean[i]) / highest * np.float32(127))
        numbers[row, 0] = highest / np.float32(127)
        numbers[row, 1] = -square / 2 if squared else offset


@nb.njit(cache=True, nogil=True)
def _round_query(query, mean, rounded):
    """Write a query minus the mean as int16, as fine as 32-bit sums allow; the scale is returned."""
    most = min(2047, 2**31 // (128 * len(rounded)) - 1)
    highest = np.float32(0)
    for i in range(len(query)):
        highest = max(highest, abs(query[i] - mean[i]))
    rounded[:] = 0
    if highest > 0:
        for i in range(len(query)):
            rounded[i] = np.rint((query[i] - mean[i]) / highest * np.float32(most))
    return highest / np.float32(most)


@nb.njit(cache=True, nogil=True, forceinline=True)
def _estimate(rounded, codes, numbers, row, scale):
    product = code_product(rounded, codes, row * len(rounded), len(rounded))
    return np.float32(product) * (scale * numbers[2 * row]) + numbers[2 * row + 1]


@nb.njit(cache=True, nogil=True)
def walk(
    first, last, queries, subsets, flat, dead, squared, codes, numbers, mean, links, entries, breadth,
    visited, epoch, frontier_values, frontier_rows, out_rows, out_scores, out_visited,
):  # fmt: skip
    """Find rows with high scores for the queries ``first`` up to ``last``; rows after the graph's are scored one by one.

    Args:
        first, last, queries, subsets, flat, dead, squared, out_rows, out_scores: as for ``exact_scan``; subsets are bitmaps, or spans
            of all rows.
        codes, numbers: int8 (num * width,) and float32 (2 * num,), from ``encode_codes``.
        mean: what the codes were made with.
        links: int32 (num_linked, links), the neighbors of each row, and -1 after the last.
        entries: int64 (queries, entries), rows to begin with, -1 for none.
        breadth: int64 (queries,), rows that pass that the walk keeps, at least k; more give a higher recall.
        visited: int32 (num,), numbers below ``epoch``: this thread's own.
        epoch: the number of the first query; the others count up from it.
        frontier_values, frontier_rows: float32 and int32 (num,): this thread's own.
        out_visited: int64 (queries,), rows whose codes were read.
    """
    dim, k, width = queries.shape[1], out_rows.shape[1], len(codes) // (len(numbers) // 2)
    num, num_linked = len(numbers) // 2, len(links)
    rounded, fresh = np.empty(width, np.int16), np.empty(links.shape[1], np.int64)
    widest = 1
    for query in range(first, last):
        widest = max(widest, breadth[query])
    values, kept = np.empty(widest, np.float32), np.empty(widest, np.int64)
    scores, rows = np.empty(k, np.float64), np.empty(k, np.int64)
    for query in range(first, last):
        mark = epoch + query - first
        scale = _round_query(queries[query], mean, rounded)
        filtered = subsets.kinds[query] == BITMAP
        words = subsets.words[subsets.starts[query] : subsets.stops[query]] if filtered else subsets.words[:0]
        size, waiting, seen = np.int64(0), np.int64(0), 0
        for entry in entries[query]:
            if entry < 0 or entry >= num_linked or visited[entry] == mark:
                continue
            visited[entry] = mark
            seen += 1
            value = _estimate(rounded, codes, numbers, entry, scale)
            waiting = add_to_frontier(frontier_values, frontier_rows, waiting, value, entry)
            if (not filtered or has_bit(words, entry)) and not has_bit(dead, entry):
                size = keep(values, kept, size, breadth[query], value, entry)
        while waiting > 0:
            if size == breadth[query] and frontier_values[0] < values[0]:
                break
            here = frontier_rows[0]
            waiting = drop_best(frontier_values, frontier_rows, waiting)
            num_fresh = 0
            for link in links[here]:
                if link < 0:
                    break
                if visited[link] != mark:
                    visited[link] = mark
                    fresh[num_fresh] = link
                    num_fresh += 1
                    for line in range(0, width, 64):
                        prefetch(codes, np.int64(link) * width + line)
                    prefetch(numbers, 2 * np.int64(link))
            seen += num_fresh
            for t in range(num_fresh):
                row = fresh[t]
                value = _estimate(rounded, codes, numbers, row, scale)
                if size < breadth[query] or not is_worse(value, row, values[0], kept[0]):
                    waiting = add_to_frontier(frontier_values, frontier_rows, waiting, value, row)
                    if (not filtered or has_bit(words, row)) and not has_bit(dead, row):
                        size = keep(values, kept, size, breadth[query], value, row)
        out_visited[query] = seen
        wide, found = wide_query(queries[query]), np.int64(0)
        for t in range(size):
            prefetch_vector(flat, kept[t], dim)
        for t in range(size):
            score = exact_score(wide, flat, kept[t], dim, squared)
            found = keep(scores, rows, found, k, score, kept[t])
        for row in range(num_linked, num):
            if (not filtered or has_bit(words, row)) and not has_bit(dead, row):
                score = exact_score(wide, flat, row, dim, squared)
                found = keep(scores, rows, found, k, score, row)
        write_best(scores, rows, found, out_rows[query], out_scores[query])
