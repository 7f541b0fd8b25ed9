"""The one-to-one choice of pairs with the largest sum of gains, on a sparse graph.

Left records come in one after the other, each by the cheapest chain of exchanges that lets it in (shortest augmenting
paths with prices, after Jonker and Volgenant, Computing 38, 1987; Dijkstra on the priced graph). A record may stay alone
at no gain, so a chain never costs more than what the newcomer brings, and stays among its near rivals: half a million
records take seconds, where solvers that set up anew for every row take time with the square.
"""

from __future__ import annotations

from heapq import heappop, heappush

import numba as nb
import numpy as np


def best_assignment(left: np.ndarray, right: np.ndarray, gain: np.ndarray, num_left: int, num_right: int) -> np.ndarray:
    """Choose pairs that share no record and have the largest possible sum of gains.

    Args:
        left, right: rows of each pair, (pairs,).
        gain: of each pair; those of 0 or less are not chosen, (pairs,).
        num_left, num_right: records of the two tables.

    Returns:
        Which pairs are chosen, bool (pairs,).
    """
    worth = np.flatnonzero(gain > 0)
    worth = worth[np.argsort(left[worth], kind="stable")]
    starts = np.searchsorted(left[worth], np.arange(num_left + 1))
    chosen = np.zeros(len(left), dtype=bool)
    chosen[worth[_assign(starts, right[worth].astype(np.int64), gain[worth].astype(np.float64), num_right)]] = True
    return chosen


@nb.njit(cache=True)
def _assign(starts, right, gain, num_right):  # type: ignore[no-untyped-def]
    num_left = len(starts) - 1
    partner = np.full(num_right, -1, dtype=np.int64)  # left row
    pair_of = np.full(num_left, -1, dtype=np.int64)  # position of its pair
    worth = np.zeros(num_left)  # what a left record has beyond the prices, 0 or more
    price = np.zeros(num_right)
    distance = np.full(num_right, np.inf)
    via = np.full(num_right, -1, dtype=np.int64)  # pair by which a right record was reached
    settled = np.zeros(num_right, dtype=np.bool_)
    left_of = np.empty(len(right), dtype=np.int64)
    for row in range(num_left):
        left_of[starts[row] : starts[row + 1]] = row
    for newcomer in range(num_left):
        worth[newcomer] = 0.0
        for pair in range(starts[newcomer], starts[newcomer + 1]):
            worth[newcomer] = max(worth[newcomer], gain[pair] - price[right[pair]])
        if worth[newcomer] <= 0.0:
            continue  # whatever it wants is worth more to another
        heap = [(0.0, np.int64(-1))]
        heap.pop()
        reached = [np.int64(-1)]
        reached.pop()
        row, so_far = newcomer, 0.0
        end, length, alone = np.int64(-1), worth[newcomer], newcomer  # the newcomer itself may stay alone
        while True:
            for pair in range(starts[row], starts[row + 1]):
                other = right[pair]
                through = so_far + max(0.0, worth[row] - gain[pair] + price[other])
                if not settled[other] and through < min(distance[other], length):
                    if distance[other] == np.inf:
                        reached.append(other)
                    distance[other] = through
                    via[other] = pair
                    heappush(heap, (through, other))
            other = np.int64(-1)
            while len(heap) > 0:
                so_far, other = heappop(heap)
                if not settled[other]:
                    break
                other = np.int64(-1)
            if other < 0 or so_far >= length:
                break
            if partner[other] < 0:
                end, length = other, so_far
                break
            settled[other] = True
            row = partner[other]
            if so_far + worth[row] < length:  # its partner gives way and stays alone
                end, length, alone = other, so_far + worth[row], row
        worth[newcomer] -= length
        for other in reached:
            if settled[other]:
                worth[partner[other]] -= length - distance[other] if distance[other] < length else 0.0
                price[other] += max(0.0, length - distance[other])
        if end >= 0:
            if partner[end] >= 0:
                pair_of[alone] = -1
            while True:  # hand over, from the end of the chain back to the newcomer
                pair = via[end]
                row = left_of[pair]
                before = pair_of[row]
                partner[end], pair_of[row] = row, pair
                if row == newcomer:
                    break
                end = right[before]
        for other in reached:
            distance[other], via[other], settled[other] = np.inf, -1, False
    return pair_of[pair_of >= 0]
