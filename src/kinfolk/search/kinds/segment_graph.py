"""Links that know for which ranges of positions they hold: the graph of SeRF, and its walk.

Positions are those of the rows in the order of an attribute, so a range of its values is a range ``low .. high`` of positions. A link of a
position to an earlier one holds for some ``low``, one to a later position for some ``high``:

- **to the left**: position p is linked as if the positions ``low .. p - 1`` were all there is, for every low. The neighbors for one
  low are those for the next ones, too, until half of them have fallen out of the range; then they are chosen anew (the leap of the paper).
  So each position has about log2(p) lists, which share most of their links;
- **to the right**: a link to p comes back from each of its neighbors. It holds from ``high = p`` on, until a later position takes its
  place: the segment graph of the paper for ranges with one end.

Neighbors on one side are pruned against each other only, so a position has those that HNSW would give it in the range, and a few more.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from kinfolk.search.kernels.exact import exact_score, wide_query
from kinfolk.search.kernels.heaps import drop_best
from kinfolk.search.kinds.vamana import prune
from kinfolk.search.kinds.walks import offer

_ENTRIES = 16  # positions to begin with, spread over the range


class Segments(NamedTuple):
    """Links by position; a link leads nowhere outside the range that is asked for.

    Attributes:
        left_starts: int64 (num + 1,), where the links of each position to the left begin.
        left: int32 (links, 3): the target, and the first and the last ``low`` that the link holds for.
        open: int32 (num, degree), links to the right that hold for every ``high``; -1 after the last.
        closed_starts: int64 (num + 1,), where the other links of each position to the right begin.
        closed: int32 (links, 2): the target, and the last ``high`` that the link holds for.
    """

    left_starts: npt.NDArray[np.int64]
    left: npt.NDArray[np.int32]
    open: npt.NDArray[np.int32]
    closed_starts: npt.NDArray[np.int64]
    closed: npt.NDArray[np.int32]


@nb.njit(cache=True, nogil=True)
def walk_range(
    wide, flat, dim, low, high, left_starts, left, open_links, closed_starts, closed, breadth,
    visited, mark, fresh, values, rows, ahead_values, ahead_rows,
):  # fmt: skip
    """Walk over the positions ``low .. high`` alone; the size of the beam in ``values`` and ``rows`` is returned.

    ``fresh`` has room for all positions; ``mark`` was not in ``visited`` before. The rest as ``Segments`` and ``offer``.
    """
    entries, span = np.int64(0), high - low + 1
    for t in range(min(_ENTRIES, span)):
        fresh[entries] = low + (2 * t + 1) * span // (2 * min(_ENTRIES, span))
        visited[fresh[entries]] = mark
        entries += 1
    size, waiting = offer(
        wide, flat, dim, fresh, entries, breadth, values, rows, np.int64(0), ahead_values, ahead_rows, np.int64(0)
    )
    while waiting > 0 and not (size == breadth and ahead_values[0] < values[0]):
        here = ahead_rows[0]
        waiting = drop_best(ahead_values, ahead_rows, waiting)
        count = np.int64(0)
        for at in range(left_starts[here], left_starts[here + 1]):
            link = left[at, 0]
            if link >= low and left[at, 1] <= low <= left[at, 2] and visited[link] != mark:
                visited[link] = mark
                fresh[count] = link
                count += 1
        for link in open_links[here]:
            if link < 0:
                break
            if link <= high and visited[link] != mark:
                visited[link] = mark
                fresh[count] = link
                count += 1
        for at in range(closed_starts[here], closed_starts[here + 1]):
            link = closed[at, 0]
            if link <= high <= closed[at, 1] and visited[link] != mark:
                visited[link] = mark
                fresh[count] = link
                count += 1
        size, waiting = offer(
            wide, flat, dim, fresh, count, breadth, values, rows, size, ahead_values, ahead_rows, waiting
        )
    return size


@nb.njit(cache=True, nogil=True)
def _longer(table):
    """A table with room for twice as many lines."""
    longer = np.empty((2 * len(table), table.shape[1]), np.int32)
    longer[: len(table)] = table
    return longer


@nb.njit(cache=True, nogil=True)
def build_segments(flat, dim, num, neighbors, breadth, starts, codes):
    """Insert all positions, the first one first.

    Args:
        flat, dim, num: all points in the order of the attribute, float32 (num * dim,), their width and number.
        neighbors: that are chosen for a position at a time; twice as many links to the right stay open.
        breadth: of the walks.
        starts, codes: of one label for all, from ``labels_of_one``.

    Returns:
        ``left_starts``, ``left`` and ``open`` of ``Segments``; and the closed links, int32 (links, 3): source, target, last ``high``.
    """
    left_starts, left, num_left = np.zeros(num + 1, np.int64), np.empty((1024, 3), np.int32), 0
    closed, num_closed = np.empty((1024, 3), np.int32), 0
    open_links = np.full((num, 2 * neighbors), -1, np.int32)
    none_starts, none = np.zeros(num + 1, np.int64), np.empty((0, 2), np.int32)
    visited, fresh, mark = np.zeros(num, np.int64), np.empty(num, np.int64), 0
    values, rows = np.empty(breadth, np.float64), np.empty(breadth, np.int64)
    ahead_values, ahead_rows = np.empty(num, np.float64), np.empty(num, np.int64)
    chosen = np.empty(neighbors, np.int32)
    full_rows, full_values = np.empty(2 * neighbors + 1, np.int64), np.empty(2 * neighbors + 1, np.float64)
    for point in range(num):
        wide = wide_query(flat[point * dim : (point + 1) * dim])
        first, low = num_left, 0
        while low < point:
            mark += 1
            size = walk_range(
                wide, flat, dim, low, point - 1, left_starts, left, open_links, none_starts, none, breadth,
                visited, mark, fresh, values, rows, ahead_values, ahead_rows,
            )  # fmt: skip
            count = prune(flat, dim, starts, codes, point, rows[:size], values[:size], 1.0, chosen)
            leap = np.sort(chosen[:count])[count // 2] + 1  # from here on half of them are out of the range
            for t in range(count):
                near, known = np.int64(chosen[t]), False
                for at in range(first, num_left):
                    if left[at, 0] == near:
                        left[at, 2], known = leap - 1, True
                if known:
                    continue
                if num_left == len(left):
                    left = _longer(left)
                left[num_left, 0], left[num_left, 1], left[num_left, 2] = near, low, leap - 1
                num_left += 1
                dropped = _link_right(flat, dim, starts, codes, near, point, open_links, full_rows, full_values)
                for s in range(dropped):
                    if full_rows[s] != point:
                        if num_closed == len(closed):
                            closed = _longer(closed)
                        closed[num_closed, 0], closed[num_closed, 1] = near, full_rows[s]
                        closed[num_closed, 2] = point - 1
                        num_closed += 1
            low = leap
        left_starts[point + 1] = num_left
    return left_starts, left[:num_left], open_links, closed[:num_closed]


@nb.njit(cache=True, nogil=True)
def _link_right(flat, dim, starts, codes, point, later, open_links, rows, values):
    """Link a position to a later one; the links that end by it are left in ``rows``, and how many is returned."""
    links, degree = open_links[point], open_links.shape[1]
    if links[degree - 1] < 0:
        for t in range(degree):
            if links[t] < 0:
                links[t] = later
                return 0
    wide = wide_query(flat[point * dim : (point + 1) * dim])
    for t in range(degree + 1):
        rows[t] = links[t] if t < degree else later
        values[t] = exact_score(wide, flat, rows[t], dim, True)
    count = prune(flat, dim, starts, codes, point, rows, values, 1.0, links)
    links[count:] = -1
    dropped = 0
    for t in range(degree + 1):
        if not np.any(links[:count] == rows[t]):
            rows[dropped] = rows[t]
            dropped += 1
    return dropped


@nb.njit(cache=True, nogil=True)
def walk_segments(queries, flat, low, high, left_starts, left, open_links, closed_starts, closed, breadth, out):
    """Walk for each query over the positions ``low .. high``; out is int64 (queries, breadth), filled with -1."""
    dim, num = queries.shape[1], len(open_links)
    visited, fresh = np.zeros(num, np.int64), np.empty(num, np.int64)
    values, rows = np.empty(breadth, np.float64), np.empty(breadth, np.int64)
    ahead_values, ahead_rows = np.empty(num, np.float64), np.empty(num, np.int64)
    for query in range(len(queries)):
        size = walk_range(
            wide_query(queries[query]), flat, dim, low, high, left_starts, left, open_links, closed_starts, closed,
            breadth, visited, query + 1, fresh, values, rows, ahead_values, ahead_rows,
        )  # fmt: skip
        for t in range(size):
            out[query, t] = rows[t]
