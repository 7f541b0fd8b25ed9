"""Bounded heaps: the best few of many, equal values in the order of their rows, so that the order of arrival changes nothing.

A size begins as ``np.int64(0)``: to numba a plain 0 is of another type than a size, and everything would be compiled for both.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numba as nb


@nb.njit(cache=True, nogil=True, forceinline=True)
def is_worse(value, row, other_value, other_row):
    """Whether a row comes after another: by a lower value, or by a higher row where values are equal."""
    return value < other_value or (value == other_value and row > other_row)


@nb.njit(cache=True, nogil=True)
def keep(values, rows, size, capacity, value, row):
    """Offer a row to the best ``capacity`` ones, the worst of which is at 0; the new number of rows is returned.

    Args:
        values, rows: the heap, in arrays of at least ``capacity``.
        size, capacity: how many rows are kept, and how many may be, at least 1.
        value, row: what is offered; each row once.
    """
    if size < capacity:
        place = size
        while place > 0:
            parent = (place - 1) >> 1
            if not is_worse(value, row, values[parent], rows[parent]):
                break
            values[place], rows[place] = values[parent], rows[parent]
            place = parent
        values[place], rows[place] = value, row
        return size + 1
    if is_worse(values[0], rows[0], value, row):
        _sink(values, rows, size, value, row)
    return size


@nb.njit(cache=True, nogil=True)
def sort_best_first(values, rows, size):
    """Turn a heap into a list, best first, in place."""
    while size > 1:
        size -= 1
        value, row = values[size], rows[size]
        values[size], rows[size] = values[0], rows[0]
        _sink(values, rows, size, value, row)


@nb.njit(cache=True, nogil=True)
def _sink(values, rows, size, value, row):
    """Put a row where the worst one was."""
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and is_worse(values[child + 1], rows[child + 1], values[child], rows[child]):
            child += 1
        if not is_worse(values[child], rows[child], value, row):
            break
        values[place], rows[place] = values[child], rows[child]
        place = child
    values[place], rows[place] = value, row


@nb.njit(cache=True, nogil=True)
def add_to_frontier(values, rows, size, value, row):
    """Add to an unbounded heap with the best at 0; the new size is returned."""
    place = size
    while place > 0:
        parent = (place - 1) >> 1
        if values[parent] >= value:
            break
        values[place], rows[place] = values[parent], rows[parent]
        place = parent
    values[place], rows[place] = value, row
    return size + 1


@nb.njit(cache=True, nogil=True)
def drop_best(values, rows, size):
    """Take the best away from a frontier; the new size is returned."""
    size -= 1
    value, row, place = values[size], rows[size], 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and values[child + 1] > values[child]:
            child += 1
        if values[child] <= value:
            break
        values[place], rows[place] = values[child], rows[child]
        place = child
    values[place], rows[place] = value, row
    return size
