"""Vamana graphs, and those whose links know the labels of rows: what Filtered-Vamana, Stitched-Vamana and UNG are made of.

Subramanya et al. 2019, "DiskANN: fast accurate billion-point nearest neighbor search on a single node" (NeurIPS): a row is inserted by a
walk to it; of the rows the walk went through, those become its neighbors to which no nearer neighbor is ``alpha`` times nearer
(RobustPrune). Gollapudi et al. 2023, "Filtered-DiskANN: graph algorithms for approximate nearest neighbor search with filters" (WWW), with
labels (FilteredRobustPrune, FilteredVamana): the walk steps on rows of the label, and a neighbor makes another superfluous only if it
has every label that the other shares with the row. Where all rows have one and the same label, that is Vamana.

What differs: a row is walked to once for each of its labels, not once for all of them. With one beam for all, rows of a rare label drop out
of it beside nearer ones of a frequent label and are never linked; that label then is not connected. And rows are inserted once, with the
final alpha, not a first time with alpha = 1. Distances here are squared, so alpha is, too.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from collections.abc import Mapping

import numba as nb
import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError
from kinfolk.search.kernels.exact import exact_score, wide_query
from kinfolk.search.kernels.heaps import add_to_frontier, drop_best
from kinfolk.search.kernels.subsets import read_only
from kinfolk.search.kinds.walks import offer
from kinfolk.search.metric import Floats


@nb.njit(cache=True, nogil=True)
def has_label(starts, codes, row, code):
    """Whether a row has a label."""
    for at in range(starts[row], starts[row + 1]):  # noqa: SIM110 - numba knows no generators in any()
        if codes[at] == code:
            return True
    return False


@nb.njit(cache=True, nogil=True)
def stands_for(starts, codes, nearer, first, second):
    """Whether a row has every label that two others have in common."""
    i, j, k = starts[first], starts[second], starts[nearer]
    while i < starts[first + 1] and j < starts[second + 1]:
        if codes[i] < codes[j]:
            i += 1
        elif codes[i] > codes[j]:
            j += 1
        else:
            while k < starts[nearer + 1] and codes[k] < codes[i]:
                k += 1
            if k == starts[nearer + 1] or codes[k] != codes[i]:
                return False
            i += 1
            j += 1
    return True


@nb.njit(cache=True, nogil=True)
def prune(flat, dim, starts, codes, point, rows, values, slack, chosen):
    """Choose neighbors among candidates: FilteredRobustPrune of Filtered-DiskANN.

    Args:
        flat, dim: all points, float32 (num * dim,), and their width.
        starts, codes: labels of the rows, as ``Labels``.
        point: whose neighbors.
        rows, values: candidates, each once and without the point, and minus their squared distances from it.
        slack: alpha squared, at least 1.
        chosen: written from 0, nearest first; it has room for as many as may be chosen.

    Returns:
        How many were chosen.
    """
    order = np.argsort(-values, kind="mergesort")
    gone = np.zeros(len(rows), np.bool_)
    count = 0
    for place in range(len(order)):
        if gone[place]:
            continue
        near = np.int64(rows[order[place]])
        chosen[count] = near
        count += 1
        if count == len(chosen):
            break
        wide = wide_query(flat[near * dim : (near + 1) * dim])
        for other in range(place + 1, len(order)):
            if gone[other]:
                continue
            row = np.int64(rows[order[other]])
            # Rows that are equal do not make each other superfluous: some would not be reached any more.
            if slack * exact_score(wide, flat, row, dim, True) > values[order[other]]:
                gone[other] = stands_for(starts, codes, near, point, row)
    return count


@nb.njit(cache=True, nogil=True)
def link_back(flat, dim, starts, codes, point, row, links, slack):
    """Add a row to the neighbors of a point; where there is no room for it, they are pruned."""
    degree = links.shape[1]
    for t in range(degree):
        if links[point, t] == row:
            return
        if links[point, t] < 0:
            links[point, t] = row
            return
    rows, values = np.empty(degree + 1, np.int64), np.empty(degree + 1, np.float64)
    wide = wide_query(flat[point * dim : (point + 1) * dim])
    for t in range(degree + 1):
        rows[t] = links[point, t] if t < degree else row
        values[t] = exact_score(wide, flat, rows[t], dim, True)
    count = prune(flat, dim, starts, codes, point, rows, values, slack, links[point])
    links[point, count:] = -1


@nb.njit(cache=True, nogil=True)
def insert(flat, dim, starts, codes, entry_of, order, breadth, slack, links):
    """Insert rows one after the other: FilteredVamana of Filtered-DiskANN, with one walk a label.

    Args:
        flat, dim, starts, codes, slack: as for ``prune``.
        entry_of: int64 (labels,), the row where the walk for a label begins.
        order: int64, the rows; those without labels stay without links.
        breadth: L of the paper.
        links: int32 (num, degree) of -1, which is filled.
    """
    num, degree = links.shape
    visited, fresh, mark = np.zeros(num, np.int64), np.empty(degree, np.int64), 0
    values, rows = np.empty(breadth, np.float64), np.empty(breadth, np.int64)
    ahead_values, ahead_rows = np.empty(num, np.float64), np.empty(num, np.int64)
    in_pool, pool_values, pool_rows = np.zeros(num, np.int64), np.empty(num, np.float64), np.empty(num, np.int64)
    for turn in range(len(order)):
        point, pooled = order[turn], 0
        in_pool[point] = turn + 1
        wide = wide_query(flat[point * dim : (point + 1) * dim])
        for at in range(starts[point], starts[point + 1]):
            mark += 1
            entry = entry_of[codes[at]]
            visited[point] = visited[entry] = mark
            fresh[0], size, waiting = entry, np.int64(0), np.int64(0)
            if entry == point:  # a step on the way, but no neighbor of itself
                waiting = add_to_frontier(ahead_values, ahead_rows, waiting, 0.0, point)
            else:
                size, waiting = offer(
                    wide, flat, dim, fresh, 1, breadth, values, rows, size, ahead_values, ahead_rows, waiting
                )
            while waiting > 0 and not (size == breadth and ahead_values[0] < values[0]):
                here, value = ahead_rows[0], ahead_values[0]
                waiting = drop_best(ahead_values, ahead_rows, waiting)
                if in_pool[here] != turn + 1:
                    in_pool[here] = turn + 1
                    pool_values[pooled], pool_rows[pooled] = value, here
                    pooled += 1
                count = np.int64(0)
                for link in links[here]:
                    if link < 0:
                        break
                    if visited[link] != mark and has_label(starts, codes, link, codes[at]):
                        visited[link] = mark
                        fresh[count] = link
                        count += 1
                size, waiting = offer(
                    wide, flat, dim, fresh, count, breadth, values, rows, size, ahead_values, ahead_rows, waiting
                )
        for link in links[point]:  # of rows that were inserted before and found this one
            if link < 0:
                break
            if in_pool[link] != turn + 1:
                in_pool[link] = turn + 1
                pool_values[pooled], pool_rows[pooled] = exact_score(wide, flat, np.int64(link), dim, True), link
                pooled += 1
        count = prune(flat, dim, starts, codes, point, pool_rows[:pooled], pool_values[:pooled], slack, links[point])
        links[point, count:] = -1
        for t in range(count):
            link_back(flat, dim, starts, codes, np.int64(links[point, t]), point, links, slack)


@nb.njit(cache=True, nogil=True)
def prune_lists(flat, dim, starts, codes, list_starts, targets, slack, links):
    """Write the lists of links into lines, pruned where there is no room for all."""
    degree = links.shape[1]
    for point in range(len(links)):
        rows = targets[list_starts[point] : list_starts[point + 1]].copy()
        if len(rows) <= degree:
            links[point, : len(rows)] = rows
            continue
        values = np.empty(len(rows), np.float64)
        wide = wide_query(flat[point * dim : (point + 1) * dim])
        for t in range(len(rows)):
            values[t] = exact_score(wide, flat, np.int64(rows[t]), dim, True)
        prune(flat, dim, starts, codes, point, rows, values, slack, links[point])


def check_parameters(degrees: Mapping[str, int], alpha: float) -> None:
    """Raise where a graph cannot be built with these parameters.

    Raises:
        ConfigurationError: a degree, breadth or the like below 1, or alpha below 1.
    """
    for name, number in {**degrees, "alpha": alpha}.items():
        if not number >= 1:
            raise ConfigurationError(f"{name} must be at least 1. Got {number}.")


def vamana(
    points: Floats, *, degree: int, breadth: int, alpha: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int32], int]:
    """A Vamana graph without labels.

    Args:
        points: float32 (num, dim), at least one.
        degree: most links of a row, R of the paper.
        breadth: of the walks that build it, L of the paper.
        alpha: how much nearer a neighbor must be to make another superfluous, at least 1.
        rng: of the order of insertion.

    Returns:
        The links, int32 (num, degree), neighbors first, then -1; and the row in the middle, where walks begin.
    """
    num, dim = points.shape
    links = np.full((num, degree), -1, dtype=np.int32)
    entry = middle_of(points)
    starts, codes = labels_of_one(num)
    insert(
        read_only(np.ascontiguousarray(points)).reshape(-1),
        dim,
        starts,
        codes,
        np.array([entry]),
        rng.permutation(num),
        breadth,
        alpha**2,
        links,
    )
    return links, entry


def labels_of_one(num: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """``starts`` and ``codes`` of rows that all have one and the same label."""
    return read_only(np.arange(num + 1)), read_only(np.zeros(num, dtype=np.int64))


def middle_of(points: Floats) -> int:
    """The row nearest to the mean."""
    return int(((points - points.mean(axis=0)) ** 2).sum(axis=1).argmin())
