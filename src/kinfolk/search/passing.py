"""The rows that pass a filter, in the form that costs least, and exactly how many they are."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from kinfolk.search.bitmaps import Bitmap, Rows, all_bits, bits_of, count_bits, keep_in_bitmap, rows_of
from kinfolk.search.order import Order

_BITS_TO_SORT = 64  # reading a bitmap costs total / 64 words, sorting a few rows less


@dataclass(frozen=True, eq=False, slots=True)
class Passing:
    """A set of rows. At least one of the three forms is there; the others are made when they are asked for.

    Attributes:
        total: how many rows there are, n.
        size: how many pass, exactly.
        ids: int32 (size,), the rows, ascending; None where they are not listed.
        bitmap: uint64 (ceil(n / 64),), bit ``i % 64`` of word ``i // 64`` for row i, bits past n are 0; None where it is not made.
        span: column, start, stop: the rows are ``order.rows[start:stop]``, which is a slice of whatever is kept in the order of
            that column; None where they are not.
        order: what ``span`` is a slice of; None where span is.

    The arrays belong to the index: do not write into them.
    """

    total: int
    size: int
    ids: Rows | None = None
    bitmap: Bitmap | None = None
    span: tuple[str, int, int] | None = None
    order: Order | None = field(default=None, repr=False)

    def as_ids(self) -> Rows:
        """The rows, int32 (size,), ascending. Made anew at each call unless ``ids`` is there."""
        if self.ids is not None:
            return self.ids
        rows = self.as_rows()
        if rows is not None and self.size * _BITS_TO_SORT <= self.total:
            return np.sort(rows)
        return rows_of(self.as_bitmap(), self.size)

    def as_rows(self) -> Rows | None:
        """The rows in the order that costs nothing, ascending or that of the span; None where only the bitmap is there."""
        if self.ids is not None or self.span is None or self.order is None:
            return self.ids
        return self.order.rows[self.span[1] : self.span[2]]

    def as_bitmap(self) -> Bitmap:
        """The bitmap, uint64 (ceil(n / 64),). Made anew at each call unless ``bitmap`` is there."""
        if self.bitmap is not None:
            return self.bitmap
        if self.span is not None and self.order is not None:
            return self.order.bitmap(self.span[1], self.span[2])
        return bits_of(self.as_ids(), self.total)

    def within(self, alive: Bitmap) -> Passing:
        """Those that are in a bitmap, too: of rows that are not deleted, or that the caller allows.

        Args:
            alive: uint64 (ceil(n / 64),), as ``bitmap``.
        """
        rows = self.as_rows()
        if rows is None or self.size * 8 > self.total:
            return of_bitmap(self.as_bitmap() & alive, self.total)
        kept = keep_in_bitmap(rows, alive)
        return of_ids(kept if self.ids is not None else np.sort(kept), self.total)


def of_ids(ids: Rows, total: int) -> Passing:
    """The rows of an ascending list."""
    return Passing(total, ids.size, ids=ids)


def of_bitmap(bitmap: Bitmap, total: int) -> Passing:
    """The rows of a bitmap."""
    return Passing(total, count_bits(bitmap), bitmap=bitmap)


def no_rows(total: int) -> Passing:
    """No row."""
    return Passing(total, 0, ids=np.empty(0, dtype=np.int32))


def all_rows(total: int) -> Passing:
    """Every row."""
    return Passing(total, total, bitmap=all_bits(total))


def of_span(order: Order, start: int, stop: int) -> Passing:
    """The rows of a slice of an order."""
    return Passing(order.rows.size, stop - start, span=(order.column, start, stop), order=order)
