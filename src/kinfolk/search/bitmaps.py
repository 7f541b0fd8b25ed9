"""Sets of rows as packed bits, and the compiled loops between bits and lists of rows; each has a slow reference in the tests.

A bitmap of n rows has ceil(n / 64) words, uint64; row i is bit ``i % 64``, counted from the lowest, of word ``i // 64``. Bits past
the last row are 0. A list of rows is int32.

The loops are compiled for read-only arrays, which the memory-mapped ones are; writable ones fit, too.
"""

from __future__ import annotations

from typing import TypeAlias

import numba as nb
import numpy as np
import numpy.typing as npt

Bitmap: TypeAlias = npt.NDArray[np.uint64]
Rows: TypeAlias = npt.NDArray[np.int32]

_words = nb.types.Array(nb.uint64, 1, "C", readonly=True)
_bytes = nb.types.Array(nb.uint8, 1, "C", readonly=True)
_rows = nb.types.Array(nb.int32, 1, "C", readonly=True)
_new_words = nb.types.Array(nb.uint64, 1, "C")
_new_rows = nb.types.Array(nb.int32, 1, "C")


def num_words(total: int) -> int:
    """How many words a bitmap of so many rows has."""
    return -(-total // 64)


def no_bits(total: int) -> Bitmap:
    """The bitmap of no rows."""
    return np.zeros(num_words(total), dtype=np.uint64)


def all_bits(total: int) -> Bitmap:
    """The bitmap of all rows."""
    return other_bits(no_bits(total), total)


def other_bits(bitmap: Bitmap, total: int) -> Bitmap:
    """The rows that are not in a bitmap."""
    other = np.invert(bitmap)
    if total % 64:
        other[-1] &= np.uint64((1 << total % 64) - 1)
    return other


def count_bits(bitmap: Bitmap) -> int:
    """How many rows a bitmap has."""
    return int(np.bitwise_count(bitmap).sum(dtype=np.int64))


def bits_of(rows: Rows, total: int) -> Bitmap:
    """The bitmap of rows in any order."""
    bitmap = no_bits(total)
    set_bits(bitmap, rows)
    return bitmap


def rows_of(bitmap: Bitmap, size: int) -> Rows:
    """The rows of a bitmap, ascending; ``size`` is how many it has."""
    rows = np.empty(size + 8, dtype=np.int32)  # a byte writes eight rows, of which the next overwrites what is too much
    list_bits(bitmap.view(np.uint8), _PLACES, rows)
    return rows[:size]


def keep_in_bitmap(rows: Rows, bitmap: Bitmap) -> Rows:
    """The rows that are in a bitmap, in the order they came in."""
    kept = np.empty_like(rows)
    return kept[: pick_by_bits(rows, bitmap, kept)]


def keep_in_span(rows: Rows, place: Rows, start: int, stop: int) -> Rows:
    """The rows whose place in an order is in ``[start, stop)``, in the order they came in."""
    kept = np.empty_like(rows)
    return kept[: pick_by_places(rows, place, start, stop, kept)]


def keep_in_both(first: Rows, second: Rows) -> Rows:
    """The rows of two ascending lists that are in both, ascending."""
    kept = np.empty(min(first.size, second.size), dtype=np.int32)
    return kept[: merge_lists(first, second, kept)]


@nb.njit([nb.void(_new_words, _rows)], cache=True)
def set_bits(bitmap, rows):  # type: ignore[no-untyped-def]
    """Put rows into a bitmap."""
    for row in rows:
        bitmap[row >> 6] |= np.uint64(1) << np.uint64(row & 63)


@nb.njit([nb.void(_new_words, _rows)], cache=True)
def flip_bits(bitmap, rows):  # type: ignore[no-untyped-def]
    """Put rows that are all different into a bitmap where they are absent, and take them out where they are present."""
    for row in rows:
        bitmap[row >> 6] ^= np.uint64(1) << np.uint64(row & 63)


@nb.njit([nb.int64(_bytes, nb.types.Array(nb.int32, 2, "C", readonly=True), _new_rows)], cache=True)
def list_bits(parts, places, out):  # type: ignore[no-untyped-def]
    """Write the rows of a bitmap, given as bytes, and return how many; ``out`` has room for eight more."""
    num = 0
    for part in range(len(parts)):
        byte = parts[part]
        if byte:
            for bit in range(8):
                out[num + bit] = part * 8 + places[byte, bit]
            num += places[byte, 8]
    return num


@nb.njit([nb.int64(_rows, _words, _new_rows)], cache=True)
def pick_by_bits(rows, bitmap, out):  # type: ignore[no-untyped-def]
    """Write the rows whose bit is set, and return how many."""
    num = 0
    for row in rows:
        out[num] = row
        num += (bitmap[row >> 6] & (np.uint64(1) << np.uint64(row & 63))) != 0
    return num


@nb.njit([nb.int64(_rows, _rows, nb.int64, nb.int64, _new_rows)], cache=True)
def pick_by_places(rows, place, start, stop, out):  # type: ignore[no-untyped-def]
    """Write the rows whose place is in ``[start, stop)``, and return how many."""
    num = 0
    for row in rows:
        out[num] = row
        num += (place[row] >= start) & (place[row] < stop)
    return num


@nb.njit([nb.int64(_rows, _rows, _new_rows)], cache=True)
def merge_lists(first, second, out):  # type: ignore[no-untyped-def]
    """Write what two ascending lists share, and return how much."""
    num = i = j = 0
    while i < len(first) and j < len(second):
        a, b = first[i], second[j]
        if a == b:
            out[num] = a
            num += 1
        i += a <= b
        j += b <= a
    return num


def _places() -> npt.NDArray[np.int32]:
    """The set bits of each byte from the lowest on, and in the last column how many: int32 (256, 9)."""
    table = np.zeros((256, 9), dtype=np.int32)
    for byte in range(256):
        bits = [bit for bit in range(8) if byte >> bit & 1]
        table[byte, : len(bits)] = bits
        table[byte, 8] = len(bits)
    table.flags.writeable = False
    return table


_PLACES = _places()
