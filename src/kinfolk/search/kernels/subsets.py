"""The rows that pass the filter of each query, in the three forms that attributes have them in, read in blocks.

Every kernel reads rows through ``next_rows`` and does not know in which form they came.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from kinfolk.search.bitmaps import bits_of, count_bits
from kinfolk.search.bitmaps import rows_of as rows_of_bits
from kinfolk.search.kernels.instructions import trailing_zeros

SPAN, IDS, BITMAP = 0, 1, 2
BLOCK = 1024  # rows read at a time
ROOM = BLOCK + 64  # of the array they are read into: a word of a bitmap is never split


class Subsets(NamedTuple):
    """One subset of the rows for each query, packed so that a kernel takes all of them at once.

    Attributes:
        kinds: SPAN, IDS or BITMAP, int8 (queries,).
        starts, stops: rows of a span, or places in ``ids`` or ``words``, int64 (queries,).
        ids: rows, each once in a subset, int32.
        words: bitmaps of 64 rows a word, the lowest bit first, uint64.
    """

    kinds: npt.NDArray[np.int8]
    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int32]
    words: npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class OrderedLines:
    """A copy of the lines of an index in the order of an attribute, so that a range of it is scanned like a book.

    Attributes:
        order: the row of each line, int32 (lines,).
        lines: uint64 (lines, words).
    """

    order: npt.NDArray[np.int32]
    lines: npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Subset:
    """The rows that pass one filter, in one of three forms.

    Attributes:
        size: how many rows pass.
        ids: the rows, int32, or None.
        words: a bitmap, uint64 (ceil(num / 64),), or None.
        start, stop: a slice where both others are None: of the rows, or of ``ordered``.
        ordered: what the slice is of; None for the rows themselves.
    """

    size: int
    ids: npt.NDArray[np.int32] | None = None
    words: npt.NDArray[np.uint64] | None = None
    start: int = 0
    stop: int = 0
    ordered: OrderedLines | None = None


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same array, not to be written to.

    To numba an array that may be written to is of another type than one that may not, such as one of a file: a kernel would
    be compiled once for each mixture of both. So whatever kernels only read is read-only. A mapped file becomes a plain array,
    which numba takes sooner; it keeps the file open.
    """
    plain = type(array) is np.ndarray
    if plain and not array.flags.writeable:
        return array
    view = array.view() if plain else array.view(np.ndarray)
    view.flags.writeable = False
    return view


def span_of(start: int, stop: int, ordered: OrderedLines | None = None) -> Subset:
    """All rows from ``start`` up to ``stop``, or those of that slice of an order."""
    return Subset(stop - start, start=start, stop=stop, ordered=ordered)


def subset_of_ids(ids: npt.NDArray[np.integer]) -> Subset:
    """The rows that are named, each once."""
    return Subset(len(ids), ids=read_only(np.ascontiguousarray(ids, dtype=np.int32)))


def subset_of_bitmap(words: npt.NDArray[np.uint64], size: int | None = None) -> Subset:
    """The rows whose bit is set; they are counted unless their number is given."""
    return Subset(count_bits(words) if size is None else size, words=np.ascontiguousarray(words, dtype=np.uint64))


_NO_IDS = read_only(np.empty(0, dtype=np.int32))
_NO_WORDS = read_only(np.empty(0, dtype=np.uint64))


def pack(subsets: Sequence[Subset]) -> Subsets:
    """Lay the subsets of a batch one after the other; one that is given again and again is laid down once."""
    if len(subsets) == 1:
        return _pack_one(subsets[0])
    kinds = np.zeros(len(subsets), dtype=np.int8)
    starts, stops = np.zeros(len(subsets), dtype=np.int64), np.zeros(len(subsets), dtype=np.int64)
    ids: list[npt.NDArray[np.int32]] = []
    words: list[npt.NDArray[np.uint64]] = []
    seen: dict[int, int] = {}
    num_ids = num_words = 0
    for place, subset in enumerate(subsets):
        earlier = seen.setdefault(id(subset), place)
        if earlier != place:
            kinds[place], starts[place], stops[place] = kinds[earlier], starts[earlier], stops[earlier]
        elif subset.ids is not None:
            kinds[place], starts[place], stops[place] = IDS, num_ids, num_ids + len(subset.ids)
            num_ids += len(subset.ids)
            ids.append(subset.ids)
        elif subset.words is not None:
            kinds[place], starts[place], stops[place] = BITMAP, num_words, num_words + len(subset.words)
            num_words += len(subset.words)
            words.append(subset.words)
        else:
            starts[place], stops[place] = subset.start, subset.stop
    return Subsets(
        read_only(kinds), read_only(starts), read_only(stops), _joined(ids, _NO_IDS), _joined(words, _NO_WORDS)
    )


_KINDS = tuple(read_only(np.full(1, kind, dtype=np.int8)) for kind in (SPAN, IDS, BITMAP))
_FIRST = read_only(np.zeros(1, dtype=np.int64))


def _pack_one(subset: Subset) -> Subsets:
    """The same for one subset, with less to do: a query by itself takes a few microseconds."""
    if subset.ids is not None:
        return Subsets(_KINDS[IDS], _FIRST, read_only(np.array([len(subset.ids)])), subset.ids, _NO_WORDS)
    if subset.words is not None:
        return Subsets(
            _KINDS[BITMAP], _FIRST, read_only(np.array([len(subset.words)])), _NO_IDS, read_only(subset.words)
        )
    start, stop = read_only(np.array([subset.start])), read_only(np.array([subset.stop]))
    return Subsets(_KINDS[SPAN], start, stop, _NO_IDS, _NO_WORDS)


def _joined(parts, none):
    if not parts:
        return none
    return read_only(parts[0] if len(parts) == 1 else np.concatenate(parts))


def bitmap_of(rows: npt.NDArray[np.integer], num: int) -> npt.NDArray[np.uint64]:
    """A bitmap of ``num`` rows with the bits of some of them set."""
    return bits_of(np.ascontiguousarray(rows, dtype=np.int32), num)


def has_bits(words: npt.NDArray[np.uint64], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether the bit of each of some rows is set."""
    bits: npt.NDArray[np.uint64] = words[rows >> 6] >> (rows & 63).astype(np.uint64) & np.uint64(1)
    return bits.astype(np.bool_)


def rows_of(subset: Subset) -> npt.NDArray[np.int64]:
    """The rows of a subset as they are listed, int64."""
    if subset.ids is not None:
        return subset.ids.astype(np.int64)
    if subset.words is not None:
        return rows_of_bits(subset.words, count_bits(subset.words)).astype(np.int64)
    if subset.ordered is not None:
        return subset.ordered.order[subset.start : subset.stop].astype(np.int64)
    return np.arange(subset.start, subset.stop)


@nb.njit(cache=True, nogil=True)
def are_rows(ids, num):
    """Whether all ids are rows from 0 to ``num - 1``."""
    for row in ids:  # noqa: SIM110 - numba knows no generators
        if row < 0 or row >= num:
            return False
    return True


@nb.njit(cache=True, nogil=True, forceinline=True)
def has_bit(words, row):
    """Whether the bit of a row is set; a bitmap without words has none."""
    return len(words) > 0 and (words[row >> 6] >> np.uint64(row & 63)) & np.uint64(1) != np.uint64(0)


@nb.njit(cache=True, nogil=True)
def next_rows(subsets, query, cursor, block):
    """Read the next rows of a query's subset.

    Args:
        subsets: ``Subsets``.
        query: whose.
        cursor: where to go on; ``starts[query]`` at first. At ``stops[query]`` all rows have been read.
        block: int32 (ROOM,), filled from 0.

    Returns:
        How many rows were read, and the next cursor.
    """
    kind, stop = subsets.kinds[query], subsets.stops[query]
    if kind == SPAN:
        count = min(BLOCK, stop - cursor)
        for t in range(count):
            block[t] = cursor + t
        return count, cursor + count
    if kind == IDS:
        count = min(BLOCK, stop - cursor)
        for t in range(count):
            block[t] = subsets.ids[cursor + t]
        return count, cursor + count
    count, start = 0, subsets.starts[query]
    while cursor < stop and count < BLOCK:
        word = subsets.words[cursor]
        first = (cursor - start) << 6
        while word != np.uint64(0):
            block[count] = first + trailing_zeros(word)
            word &= word - np.uint64(1)
            count += 1
        cursor += 1
    return count, cursor
