"""All rows in the order of one column, so that a range of its values is a slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from kinfolk.search.bitmaps import Bitmap, Rows, bits_of, flip_bits, no_bits, set_bits

_PARTS = 32  # bitmaps kept of the first rows: 4 bytes a row, and at most n/64 bits to flip at either end of a slice


@dataclass(frozen=True, eq=False, slots=True)
class Order:
    """A permutation of the rows.

    Attributes:
        column: whose values the rows are sorted by.
        rows: int32 (n,), by ascending value, equal ones by row, rows without a value last.
        place: int32 (n,), where each row stands in ``rows``.
        prefixes: uint64 (parts + 1, words), the bitmap of the first ``part * step`` rows.
    """

    column: str
    rows: Rows
    place: Rows
    prefixes: npt.NDArray[np.uint64]

    @classmethod
    def build(cls, column: str, rows: Rows) -> Self:
        """The order that ``rows`` is, with what is derived from it."""
        total = rows.size
        place = np.empty(total, dtype=np.int32)
        place[rows] = np.arange(total, dtype=np.int32)
        step = _step(total)
        bitmap = no_bits(total)
        prefixes = np.zeros((-(-total // step) + 1, bitmap.size), dtype=np.uint64)
        for part in range(1, len(prefixes)):
            set_bits(bitmap, rows[(part - 1) * step : part * step])
            prefixes[part] = bitmap
        return cls(column, rows, place, prefixes)

    def bitmap(self, start: int, stop: int) -> Bitmap:
        """The bitmap of ``rows[start:stop]``: two kept ones and the rows between their ends and the slice's."""
        total = self.rows.size
        step = _step(total)
        first, last = round(start / step), round(stop / step)
        if first == last or stop - start <= step:
            return bits_of(self.rows[start:stop], total)
        bitmap: Bitmap = self.prefixes[first] ^ self.prefixes[last]
        for end, part in ((start, first), (stop, last)):
            kept = min(part * step, total)
            flip_bits(bitmap, self.rows[min(end, kept) : max(end, kept)])
        return bitmap


def _step(total: int) -> int:
    return max(64, -(-total // _PARTS))
