"""Average linkage on a sparse graph: groups are joined while their records are alike on average, not by one lucky pair."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numba as nb
import numpy as np


@dataclass(frozen=True)
class Merges:
    """The joins of an average linkage, best first.

    Attributes:
        first, second: a record of each of the two groups that are joined, int64 (joins,); the first is the smallest
            record of both.
        height: mean weight between the two groups, float64 (joins,), not increasing.
    """

    first: np.ndarray
    second: np.ndarray
    height: np.ndarray

    def labels(self, num_records: int, num_joins: int) -> np.ndarray:
        """Groups after the first joins: for each record the smallest of its group, int64 (num_records,)."""
        return np.asarray(_join(num_records, self.first[:num_joins], self.second[:num_joins]))


def average_linkage(
    num_records: int,
    left: np.ndarray,
    right: np.ndarray,
    weight: np.ndarray,
    *,
    missing: float,
    stop: float,
    conflict: np.ndarray | None = None,
) -> Merges:
    """Join the two groups with the highest mean weight between their records, until the highest is below ``stop``.

    The mean is over all pairs of records of the two groups; a pair that is not in the graph counts as ``missing``, which
    must not be above ``stop`` nor above any weight. A heap holds an upper bound for every pair of groups that share an
    edge; a bound is checked only when it comes up, and the smaller list of neighbors is moved to the larger, so that the
    cost is near-linear in the number of edges.

    Args:
        num_records: records are 0 .. num_records - 1.
        left, right: the edges, each pair of records at most once.
        weight: of each edge, at least ``missing``.
        missing: weight of every pair that is no edge.
        stop: lowest mean weight of a join.
        conflict: for each record what a group may hold once only, int64 (num_records,), -1 for anything; two groups that
            both hold a value are never joined.
    """
    gain = np.ascontiguousarray(weight, dtype=np.float64) - missing
    held = np.full(num_records, -1, dtype=np.int64) if conflict is None else np.ascontiguousarray(conflict, np.int64)
    first, second, height = _agglomerate(
        num_records, left.astype(np.int64), right.astype(np.int64), gain, float(stop) - missing, held
    )
    return Merges(first, second, height + missing)


@nb.njit(cache=True)
def _agglomerate(num_records, left, right, gain, stop, held):  # type: ignore[no-untyped-def]
    size = np.ones(num_records, dtype=np.int64)
    smallest = np.arange(num_records)
    alive = np.ones(num_records, dtype=np.bool_)
    total = {(np.int64(0), np.int64(0)): 0.0}  # summed gain between two living groups, the smaller number first
    heap = [(0.0, np.int64(0), np.int64(0))]
    heap.pop()
    # Neighbors of each group as linked cells; a moved group's cells are hung behind those of its new group.
    cell_group = np.empty(2 * len(left), dtype=np.int64)
    cell_next = np.full(2 * len(left), -1, dtype=np.int64)
    head = np.full(num_records, -1, dtype=np.int64)
    tail = np.full(num_records, -1, dtype=np.int64)
    degree = np.zeros(num_records, dtype=np.int64)
    # What each group holds of the values it may hold once, as linked records.
    held_next = np.full(num_records, -1, dtype=np.int64)
    held_tail = np.arange(num_records)
    for edge in range(len(left)):
        a, b = min(left[edge], right[edge]), max(left[edge], right[edge])
        if a == b or (held[a] >= 0 and held[a] == held[b]):
            continue
        total[(a, b)] = gain[edge]
        if gain[edge] >= stop:
            heap.append((-gain[edge], a, b))
        for own, other, cell in ((a, b, 2 * edge), (b, a, 2 * edge + 1)):
            cell_group[cell] = other
            if head[own] < 0:
                head[own] = cell
            else:
                cell_next[tail[own]] = cell
            tail[own] = cell
            degree[own] += 1
    heapq.heapify(heap)
    first = np.empty(num_records, dtype=np.int64)
    second = np.empty(num_records, dtype=np.int64)
    height = np.empty(num_records, dtype=np.float64)
    joins = 0
    mark = np.zeros(1, dtype=np.int64)
    if len(held):
        mark = np.full(max(0, held.max()) + 1, -1, dtype=np.int64)
    while len(heap):
        bound, a, b = heapq.heappop(heap)
        if not (alive[a] and alive[b]):
            continue
        key = (min(a, b), max(a, b))
        if key not in total:
            continue
        mean = total[key] / (size[a] * size[b])
        if mean < -bound - 1e-12:
            if mean >= stop:
                heapq.heappush(heap, (-mean, a, b))
            continue
        if degree[a] > degree[b]:
            a, b = b, a
        # a, the group with fewer neighbors, goes into b.
        record = b
        clash = False
        while record >= 0:
            if held[record] >= 0:
                mark[held[record]] = b
            record = held_next[record]
        record = a
        while record >= 0 and not clash:
            clash = held[record] >= 0 and mark[held[record]] == b
            record = held_next[record]
        record = b
        while record >= 0:
            if held[record] >= 0:
                mark[held[record]] = -1
            record = held_next[record]
        if clash:
            del total[key]
            continue
        first[joins] = min(smallest[a], smallest[b])
        second[joins] = max(smallest[a], smallest[b])
        height[joins] = mean
        joins += 1
        del total[key]
        alive[a] = False
        size[b] += size[a]
        smallest[b] = min(smallest[a], smallest[b])
        held_next[held_tail[b]] = a
        held_tail[b] = held_tail[a]
        cell = head[a]
        while cell >= 0:
            other = cell_group[cell]
            following = cell_next[cell]
            old = (min(a, other), max(a, other))
            if other != b and alive[other] and old in total:
                moved = total[old]
                del total[old]
                new = (min(b, other), max(b, other))
                if new in total:
                    moved += total[new]
                total[new] = moved
                mean = moved / (size[b] * size[other])
                if mean >= stop:
                    heapq.heappush(heap, (-mean, b, other))
                cell_group[cell] = other
                cell_next[cell] = -1
                cell_next[tail[b]] = cell
                tail[b] = cell
                degree[b] += 1
                # The other group must find b where it used to find a.
                back = cell ^ 1
                cell_group[back] = b
            cell = following
    return first[:joins], second[:joins], height[:joins]


@nb.njit(cache=True)
def _join(num_records, first, second):  # type: ignore[no-untyped-def]
    parent = np.arange(num_records)
    for join in range(len(first)):
        a, b = first[join], second[join]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        parent[max(a, b)] = min(a, b)
    for record in range(num_records):
        root = record
        while parent[root] != root:
            root = parent[root]
        parent[record] = root
    return parent
