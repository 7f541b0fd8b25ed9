"""Walks that step only on rows that pass, and the step that all walks of the kinds have in common.

A walk holds a beam, the best rows so far as a heap with the worst at 0, and a frontier, the rows to go on from as a heap with the best at 0
(``kernels.heaps``). A row's value is minus its squared distance from the query. The walk ends where the best of the frontier is worse than
the worst of a full beam.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from kinfolk.search.kernels.exact import exact_score, wide_query
from kinfolk.search.kernels.heaps import add_to_frontier, drop_best, is_worse, keep
from kinfolk.search.kernels.subsets import has_bit, read_only
from kinfolk.search.metric import Floats
from kinfolk.search.passing import Passing

_ENTRIES = 32  # rows that pass to begin with


class Graph(NamedTuple):
    """The links of each row, one list behind the other.

    Attributes:
        starts: int64 (num + 1,), where the links of each row begin.
        targets: int32, the rows they lead to.
    """

    starts: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int32]

    @classmethod
    def of(cls, links: npt.NDArray[np.int32]) -> Graph:
        """From links in lines of one length, neighbors first, then -1."""
        there = links >= 0
        starts = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int64)
        return cls(read_only(starts), read_only(np.ascontiguousarray(links[there], dtype=np.int32)))


@nb.njit(cache=True, nogil=True)
def offer(wide, flat, dim, fresh, count, breadth, values, rows, size, ahead_values, ahead_rows, waiting):
    """Score rows that were not seen before, and put those that are good enough into beam and frontier.

    Args:
        wide: the query from ``wide_query``.
        flat, dim: all points, float32 (num * dim,), and their width.
        fresh, count: rows, and how many of the array.
        breadth, values, rows, size: of the beam.
        ahead_values, ahead_rows, waiting: of the frontier.

    Returns:
        The new sizes of beam and frontier.
    """
    for t in range(count):
        row = np.int64(fresh[t])
        value = exact_score(wide, flat, row, dim, True)
        if size < breadth or is_worse(values[0], rows[0], value, row):
            size = keep(values, rows, size, breadth, value, row)
            waiting = add_to_frontier(ahead_values, ahead_rows, waiting, value, row)
    return size, waiting


@nb.njit(cache=True, nogil=True)
def next_of(graph, words, here, direct, only_failing, most, visited, mark, fresh):
    """List the rows that pass and are new, one link away and, beyond the ``direct`` first links, two links away.

    Returns:
        How many were written to ``fresh``; they are marked as visited.
    """
    count, begin, end = 0, graph.starts[here], graph.starts[here + 1]
    for at in range(begin, end):
        link = graph.targets[at]
        if visited[link] != mark and has_bit(words, link):
            visited[link] = mark
            fresh[count] = link
            count += 1
    for at in range(begin + direct, end):
        link = graph.targets[at]
        if only_failing and has_bit(words, link):
            continue
        for beyond in range(graph.starts[link], graph.starts[link + 1]):
            if count >= most:
                return count
            row = graph.targets[beyond]
            if visited[row] != mark and has_bit(words, row):
                visited[row] = mark
                fresh[count] = row
                count += 1
    return count


@nb.njit(cache=True, nogil=True)
def walk_passing(queries, flat, words, graph, direct, only_failing, most, entries, breadth, out):
    """Walk for each query from the entries over rows that pass; a row that fails is never scored.

    Args:
        queries: float32 (queries, dim).
        flat: all points, float32 (num * dim,).
        words: bitmap of the rows that pass.
        graph: ``Graph``.
        direct: so many links of a row lead no further; through those after them, rows two links away are reached.
        only_failing: whether only links to rows that fail lead further.
        most: once a step has found so many rows, no further ones are looked for two links away.
        entries: int64, rows that pass to begin with, each once.
        breadth: of the beam.
        out: int64 (queries, breadth), filled with -1; the beam in no order.
    """
    dim, num = queries.shape[1], len(graph.starts) - 1
    widest = 0
    for row in range(num):
        widest = max(widest, graph.starts[row + 1] - graph.starts[row])
    fresh, visited = np.empty(widest + most, np.int64), np.zeros(num, np.int64)
    values, rows = np.empty(breadth, np.float64), np.empty(breadth, np.int64)
    ahead_values, ahead_rows = np.empty(num, np.float64), np.empty(num, np.int64)
    for query in range(len(queries)):
        wide, mark = wide_query(queries[query]), query + 1
        for entry in entries:
            visited[entry] = mark
        size, waiting = offer(
            wide, flat, dim, entries, len(entries), breadth, values, rows, np.int64(0), ahead_values, ahead_rows,
            np.int64(0),
        )  # fmt: skip
        while waiting > 0 and not (size == breadth and ahead_values[0] < values[0]):
            here = ahead_rows[0]
            waiting = drop_best(ahead_values, ahead_rows, waiting)
            count = next_of(graph, words, here, direct, only_failing, most, visited, mark, fresh)
            size, waiting = offer(
                wide, flat, dim, fresh, count, breadth, values, rows, size, ahead_values, ahead_rows, waiting
            )
        for t in range(size):
            out[query, t] = rows[t]


def walked(
    points: Floats,
    queries: Floats,
    graph: Graph,
    passing: Passing,
    entries: npt.NDArray[np.integer],
    *,
    breadth: int,
    direct: int | None = None,
    only_failing: bool = False,
    most: int = 0,
) -> npt.NDArray[np.int64]:
    """What ``walk_passing`` finds, int64 (queries, breadth), -1 for none; without ``direct`` all links lead no further."""
    breadth = min(breadth, passing.size)
    out = np.full((len(queries), breadth), -1, dtype=np.int64)
    walk_passing(
        read_only(np.ascontiguousarray(queries)),
        read_only(np.ascontiguousarray(points)).reshape(-1),
        read_only(passing.as_bitmap()),
        graph,
        len(points) if direct is None else direct,
        only_failing,
        most,
        read_only(np.ascontiguousarray(entries, dtype=np.int64)),
        breadth,
        out,
    )
    return out


def entries_among(passing: Passing) -> npt.NDArray[np.int64]:
    """Some rows that pass, spread over all of them: where a walk over a graph that knows no filter can begin."""
    ids = passing.as_ids()
    places = np.unique(np.linspace(0, len(ids) - 1, min(len(ids), _ENTRIES)).astype(np.int64))
    return ids[places].astype(np.int64)
