"""One column turned over: for each value, and for null, the rows that have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.search.attributes.values import Codes, Values, plain_type
from kinfolk.search.bitmaps import Bitmap, Rows, bits_of, num_words
from kinfolk.search.order import Order
from kinfolk.search.passing import Passing, no_rows

_FREQUENT = 0.004  # of the rows: from here on a bitmap, 1/8 byte a row, is at most 8 times as large as the list


@dataclass(frozen=True, eq=False, slots=True)
class Pairs:
    """Which rows have which values: what postings are built of.

    Attributes:
        total: how many rows there are.
        values: distinct values, some perhaps of no row.
        rows, codes: int64, (pairs,) each, in any order; a pair may come twice.
        nulls: int64, the rows without a value, in any order.
    """

    total: int
    values: Values
    rows: Codes
    codes: Codes
    nulls: Codes

    @classmethod
    def of(cls, column: pa.ChunkedArray, *, name: str) -> Self:
        """The pairs of a column of values or of lists of them; nulls inside a list are left out."""
        array = column.cast(plain_type(column.type)).combine_chunks()
        total = len(array)
        if pa.types.is_large_list(array.type):
            nulls = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
            # A null list may hide elements, which flatten leaves out and list_parent_indices does not.
            sizes = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False)
            rows = np.repeat(np.arange(total), sizes)
            values, codes = Values.of(array.flatten(), column=name)
            known = codes >= 0
            return cls(total, values, rows[known], codes[known], nulls)
        values, codes = Values.of(array, column=name)
        rows = np.flatnonzero(codes >= 0)
        return cls(total, values, rows, codes[rows], np.flatnonzero(codes < 0))


@dataclass(frozen=True, eq=False, slots=True)
class Postings:
    """Lists of rows, one a value, and one more of the rows whose value is null.

    Attributes:
        column: its name.
        total: how many rows there are, n.
        values: the distinct values, each of at least one row.
        starts: int64 (m + 2,), where the list of each value starts in ``rows``; the last list is that of null.
        rows: int32, the lists one behind the other, each ascending.
        frequent: int64, ascending, the lists that cover at least 0.4 % of the rows.
        bitmaps: uint64 (frequent, words), of these.
        order: for a column of values, each row of which has one or is null: then ``rows`` is a permutation.
    """

    column: str
    total: int
    values: Values
    starts: npt.NDArray[np.int64]
    rows: Rows
    frequent: npt.NDArray[np.int64]
    bitmaps: npt.NDArray[np.uint64]
    order: Order | None

    @classmethod
    def build(cls, column: str, pairs: Pairs, *, of_lists: bool) -> Self:
        """Turn pairs over, in O(p log p) for p of them: 30 ms for a million."""
        total, num = pairs.total, len(pairs.values)
        codes = np.concatenate([pairs.codes, np.full(pairs.nulls.size, num)])
        # One sort of whole numbers puts the pairs in order and shows those that came twice.
        keys = codes * max(total, 1) + np.concatenate([pairs.rows, pairs.nulls])
        keys = np.unique(keys) if of_lists else np.sort(keys)
        codes, rows = np.divmod(keys, max(total, 1))
        counts = np.bincount(codes, minlength=num + 1)
        used = np.flatnonzero(counts[:num])
        values = pairs.values if used.size == num else pairs.values.take(used)
        starts = np.concatenate([[0], np.cumsum(counts[np.append(used, num)])]).astype(np.int64)
        listed = rows.astype(np.int32)
        sizes = np.diff(starts)
        frequent = np.flatnonzero((sizes >= _FREQUENT * total) & (sizes > 0))
        bitmaps = np.zeros((frequent.size, num_words(total)), dtype=np.uint64)
        for slot, code in enumerate(frequent):
            bitmaps[slot] = bits_of(listed[starts[code] : starts[code + 1]], total)
        return cls(
            column, total, values, starts, listed, frequent, bitmaps, None if of_lists else Order.build(column, listed)
        )

    def pairs(self) -> Pairs:
        """What these postings were built of."""
        null = len(self.values)
        codes = np.repeat(np.arange(null + 1), np.diff(self.starts))
        known = int(self.starts[null])
        rows = self.rows.astype(np.int64)
        return Pairs(self.total, self.values, rows[:known], codes[:known], rows[known:])

    def bucket(self, code: int) -> Passing:
        """The rows of one value, or of null where ``code`` is the number of values."""
        start, stop = int(self.starts[code]), int(self.starts[code + 1])
        if start == stop:
            return no_rows(self.total)
        span = None if self.order is None else (self.column, start, stop)
        return Passing(
            self.total, stop - start, self.rows[start:stop], self._bitmap(code, stop - start), span, self.order
        )

    def between(self, low: int, high: int) -> Passing:
        """The rows of the values with codes in ``[low, high)``, of a column that has an order."""
        if high - low == 1:
            return self.bucket(low)
        if high <= low or self.order is None:
            return no_rows(self.total)
        start, stop = int(self.starts[low]), int(self.starts[high])
        return Passing(self.total, stop - start, None, None, (self.column, start, stop), self.order)

    def _bitmap(self, code: int, size: int) -> Bitmap | None:
        if size < _FREQUENT * self.total:
            return None
        bitmap: Bitmap = self.bitmaps[int(self.frequent.searchsorted(code))]
        return bitmap

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it as arrays."""
        found = {
            **self.values.arrays(),
            "starts": self.starts,
            "rows": self.rows,
            "frequent": self.frequent,
            "bitmaps": self.bitmaps,
        }
        return found if self.order is None else {**found, "place": self.order.place, "prefixes": self.order.prefixes}

    @classmethod
    def from_arrays(cls, column: str, kind: pa.DataType, total: int, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """As ``arrays`` gave them; ``kind`` is the type of the values, or of the elements of the lists."""
        values = Values.from_arrays(kind, arrays)
        order = Order(column, arrays["rows"], arrays["place"], arrays["prefixes"]) if "place" in arrays else None
        return cls(
            column, total, values, arrays["starts"], arrays["rows"], arrays["frequent"], arrays["bitmaps"], order
        )
