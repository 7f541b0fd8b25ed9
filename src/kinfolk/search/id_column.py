"""The ids of an index, one a row: texts or whole numbers, all of one kind, and each there once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import DataError
from kinfolk.search.ids import Id, Ids, id_list

_CHUNKS = 64  # pieces that ids come in, before they are joined


class IdColumn:
    """Ids by row. Immutable; the row of an id is looked up in a table that is made when it is first asked for.

    Args:
        column: int64 or large_string, none missing, all different.
    """

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._column = pa.chunked_array([column.combine_chunks()]) if column.num_chunks > _CHUNKS else column

    @cached_property
    def _numbers(self) -> npt.NDArray[np.int64] | None:
        """The ids where they are numbers, which are found quicker so."""
        return None if self.are_texts else np.asarray(self._column)

    @classmethod
    def of(cls, ids: Ids) -> Self:
        """Check ids and keep them.

        Raises:
            DataError: ids that are missing, of several kinds, or there twice.
        """
        listed = id_list(ids)
        places = {value: place for place, value in enumerate(listed)}
        if len(places) != len(listed):
            twice = next(value for place, value in enumerate(listed) if places[value] != place)
            raise DataError(f"Each id may be in the index once. {twice!r} came twice; give each row an id of its own.")
        kind = pa.large_string() if listed and isinstance(listed[0], str) else pa.int64()
        return cls(pa.chunked_array([pa.array(listed, kind)]))

    @classmethod
    def numbers(cls, start: int, stop: int) -> Self:
        """The whole numbers from ``start`` up to ``stop``."""
        return cls(pa.chunked_array([pa.array(np.arange(start, stop, dtype=np.int64))]))

    def __len__(self) -> int:
        return len(self._column)

    @property
    def are_texts(self) -> bool:
        """Whether the ids are texts."""
        return bool(pa.types.is_large_string(self._column.type))

    def at(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
        """The ids of rows, object in the shape of ``rows``; None for a row of -1."""
        known = rows >= 0
        if np.count_nonzero(known) == rows.size:
            return self._of(rows)
        found = np.full(rows.shape, None, dtype=object)
        found[known] = self._of(rows[known])
        return found

    def _of(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
        """The ids of rows, none of which is -1."""
        if self._numbers is not None:
            return self._numbers[rows].astype(object)
        found = np.empty(rows.size, dtype=object)
        found[:] = self._column.take(pa.array(rows.reshape(-1))).to_pylist()
        return found.reshape(rows.shape)

    def to_arrow(self) -> pa.ChunkedArray:
        """The ids, int64 or large_string."""
        return self._column

    def followed_by(self, other: IdColumn) -> Self:
        """These ids and those of new rows.

        Raises:
            DataError: ids of the other kind.
        """
        if len(self) and len(other) and self.are_texts != other.are_texts:
            first, added = (column.at(np.zeros(1, np.int64))[0] for column in (self, other))
            raise DataError(f"ids must be of one kind. The index has {first!r}, and {added!r} was added. Convert them.")
        chunks = [chunk for column in (self, other) for chunk in column._column.chunks if len(chunk)]
        return type(self)(pa.chunked_array(chunks, (self if len(self) else other)._column.type))

    def take(self, rows: npt.NDArray[np.int64]) -> Self:
        """The ids of some rows."""
        return type(self)(pa.chunked_array([self._column.take(pa.array(rows)).combine_chunks()]))

    def rows(self) -> dict[Id, int]:
        """The row of each id, made anew."""
        return {value: row for row, value in enumerate(self._column.to_pylist())}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The ids as arrays by name, to be written to a folder."""
        whole = self._column.combine_chunks()
        if not self.are_texts:
            return {"numbers": np.asarray(whole)}
        offsets = np.frombuffer(whole.buffers()[1], np.int64)[whole.offset : whole.offset + len(whole) + 1]
        text = (
            np.frombuffer(whole.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]] if len(whole) else offsets[:0]
        )
        return {"offsets": offsets - offsets[0], "text": text.astype(np.uint8)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Ids over arrays that ``arrays`` gave; they may be memory-mapped."""
        if "numbers" in arrays:
            return cls(pa.chunked_array([pa.array(arrays["numbers"].view(np.ndarray))]))
        offsets, text = (np.ascontiguousarray(arrays[name]).view(np.ndarray) for name in ("offsets", "text"))
        column = pa.LargeStringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(text))
        return cls(pa.chunked_array([column]))
