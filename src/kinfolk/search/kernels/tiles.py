"""The best few of many rows that come in tiles, hundreds at a time: most are passed over sixteen at a time.

Few are kept in order, best first, as moving them one by one goes a way that processors foresee; many as a heap.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numba as nb
import numpy as np

from kinfolk.search.kernels.heaps import is_worse, keep, sort_best_first
from kinfolk.search.kernels.instructions import next_at_least
from kinfolk.search.kernels.subsets import has_bit

IN_ORDER = 256  # rows; more are kept as a heap
_LOWEST = np.float32(-np.inf)


@nb.njit(cache=True, nogil=True)
def keep_of_tile(values, listed, dead, best, rows, size):
    """Offer the rows of a tile to the best ones; the new number of these is returned.

    Args:
        values: float32, of at least as many rows as are listed.
        listed: the rows, int64, each once in all tiles.
        dead: bitmap of deleted rows; without words none was.
        best, rows: float32 and int64 (capacity,), what is kept, in an order that is known to this file.
        size: how many are kept, np.int64.
    """
    capacity, count = len(best), len(listed)
    worst = capacity - 1 if capacity <= IN_ORDER else 0
    bound = best[worst] if size == capacity else _LOWEST
    t = next_at_least(values, 0, count, bound)
    while t < count:
        row = listed[t]
        if not has_bit(dead, row):
            size = (
                insert(best, rows, size, values[t], row)
                if capacity <= IN_ORDER
                else keep(best, rows, size, capacity, values[t], row)
            )
            bound = best[worst] if size == capacity else _LOWEST
        t = next_at_least(values, t + 1, count, bound)
    return size


@nb.njit(cache=True, nogil=True)
def put_best_first(best, rows, size):
    """Bring what was kept into order, best first, when all tiles were offered."""
    if len(best) > IN_ORDER:
        sort_best_first(best, rows, size)


@nb.njit(cache=True, nogil=True)
def insert(best, rows, size, value, row):
    """Offer a row to a list that is in order, best first, and as long as the arrays; the new number of rows is returned.

    Next to nothing to do where rows come about in order.
    """
    capacity = len(best)
    place = min(size, capacity - 1)
    if place < size and not is_worse(best[place], rows[place], value, row):
        return size
    while place > 0 and is_worse(best[place - 1], rows[place - 1], value, row):
        best[place], rows[place] = best[place - 1], rows[place - 1]
        place -= 1
    best[place], rows[place] = value, row
    return min(size + 1, capacity)
