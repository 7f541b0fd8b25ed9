"""The distinct values of a column, sorted, in arrays that can be memory-mapped."""

from __future__ import annotations

import datetime
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.errors import DataError
from kinfolk.search.filters.check import Kind, kinds_of
from kinfolk.search.filters.values import Value

Codes: TypeAlias = npt.NDArray[np.int64]
Key: TypeAlias = bytes | int | float | Fraction

_FLOAT32_MAX = float(np.finfo(np.float32).max)
_EPOCH = datetime.datetime(1970, 1, 1)
_MICROSECOND = datetime.timedelta(microseconds=1)
_PER_MICROSECOND: dict[str, int | Fraction] = {
    "s": Fraction(1, 1_000_000),
    "ms": Fraction(1, 1000),
    "us": 1,
    "ns": 1000,
}


class Values:
    """Distinct values in ascending order; a value is known by its code, its place in this order.

    Texts are UTF-8 and sorted by their bytes, which is by code points. Dates are days and timestamps whole units since 1970.

    Args:
        type: of the column, or of the elements of its lists, as ``plain_type`` makes it.
        data: the numbers, (m,), or the bytes of all texts, uint8.
        offsets: int64 (m + 1,), where each text starts in ``data``; None for numbers.
    """

    def __init__(self, type: pa.DataType, data: npt.NDArray[Any], offsets: npt.NDArray[np.int64] | None = None) -> None:
        self.type = type
        self.kind = _kind(type)
        self.data = data
        self.offsets = offsets
        # Python compares its own numbers, of whatever size, exactly, and reads one out of a memoryview in 40 ns.
        self._sorted: Any = _memory(data) if offsets is None else _Texts(data, offsets)

    @classmethod
    def of(cls, array: pa.Array, *, column: str) -> tuple[Self, Codes]:
        """The distinct values of an array of a plain type and the code of each of its elements, -1 where it is null or NaN.

        Raises:
            DataError: numbers that do not fit into 64 bits with a sign.
        """
        kind = _kind(array.type)
        codes = np.full(len(array), -1, dtype=np.int64)
        known = array.is_valid().to_numpy(zero_copy_only=False)
        present = array.drop_null()
        if kind.name == "text":
            encoded = present.dictionary_encode()
            order = pc.array_sort_indices(encoded.dictionary).to_numpy()
            code_of = np.empty(len(order), dtype=np.int64)
            code_of[order] = np.arange(len(order))
            codes[known] = code_of[encoded.indices.to_numpy()]
            return cls(array.type, *_buffers(encoded.dictionary.take(pa.array(order)))), codes
        numbers = _numbers(present, kind.name, column)
        if kind.name == "number":
            known[known] = ~np.isnan(numbers)
            numbers = numbers[~np.isnan(numbers)] + 0  # -0.0 is 0.0
        distinct, codes[known] = np.unique(numbers, return_inverse=True)
        return cls(array.type, distinct), codes

    def __len__(self) -> int:
        return len(self._sorted)

    def __getitem__(self, code: int) -> Any:
        """A text as text, anything else as the number it is kept as."""
        value = self._sorted[code]
        return value.decode() if isinstance(value, bytes) else value

    def key(self, value: Value) -> Key:
        """A constant as it compares with the values: exactly, but rounded to float32 for a column of float32."""
        if self.kind.name == "unknown":
            return 0  # there are no values to compare with
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, datetime.datetime):
            moment = value.replace(tzinfo=None) if value.tzinfo is not None else value
            microseconds = (moment - _EPOCH) // _MICROSECOND
            units = microseconds * _PER_MICROSECOND[self.type.unit]
            return units if units.denominator > 1 else int(units)
        if isinstance(value, datetime.date):
            return value.toordinal() - _EPOCH.toordinal()
        if self.data.dtype == np.float32 and abs(value) <= _FLOAT32_MAX:
            return float(np.float32(value))
        return value

    def first_at_least(self, key: Key) -> int:
        """The code of the first value that is not below the key."""
        return bisect_left(self._sorted, key)

    def first_above(self, key: Key) -> int:
        """The code of the first value that is above the key."""
        return bisect_right(self._sorted, key)

    def code(self, key: Key) -> int:
        """The code of the value that equals the key, -1 where none does."""
        code = bisect_left(self._sorted, key)
        return code if code < len(self) and self._sorted[code] == key else -1

    def merged(self, other: Values) -> tuple[Values, Codes, Codes]:
        """The values of both, and for each code of either the code among them."""
        if self.offsets is None:
            distinct = np.union1d(self.data, other.data)
            return Values(self.type, distinct), distinct.searchsorted(self.data), distinct.searchsorted(other.data)
        both = pa.concat_arrays([self._to_arrow(), other._to_arrow()])
        values, codes = Values.of(both, column="values")
        return Values(self.type, values.data, values.offsets), codes[: len(self)], codes[len(self) :]

    def take(self, codes: Codes) -> Values:
        """Some of the values; codes ascending."""
        if self.offsets is None:
            return Values(self.type, self.data[codes])
        return Values(self.type, *_buffers(self._to_arrow().take(pa.array(codes))))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays they are kept in."""
        return {"values": self.data} | ({} if self.offsets is None else {"offsets": self.offsets})

    @classmethod
    def from_arrays(cls, type: pa.DataType, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """As ``arrays`` gave them."""
        return cls(type, arrays["values"], arrays.get("offsets"))

    def _to_arrow(self) -> pa.Array:
        assert self.offsets is not None
        return pa.LargeStringArray.from_buffers(len(self), pa.py_buffer(self.offsets), pa.py_buffer(self.data))


class _Texts:
    """Texts as a sequence of bytes, for bisect."""

    def __init__(self, data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> None:
        self._data = _memory(data)
        self._offsets = _memory(offsets)
        self._num = len(offsets) - 1

    def __len__(self) -> int:
        return self._num

    def __getitem__(self, code: int) -> bytes:
        return self._data[self._offsets[code] : self._offsets[code + 1]].tobytes()


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type by which columns are worked on: no dictionaries, and texts and lists with offsets of 64 bits."""
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if pa.types.is_string(kind) or pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.large_list(plain_type(kind.value_type))
    return kind


def _kind(type: pa.DataType) -> Kind:
    return kinds_of(pa.schema([("values", type)]))["values"]


def _memory(array: npt.NDArray[Any]) -> memoryview[Any]:
    return memoryview(array)  # type: ignore[arg-type]  # numpy does not say so before Python 3.12


def _buffers(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The bytes and the offsets of large strings without nulls."""
    _, offsets, data = texts.buffers()
    bounds = (
        np.frombuffer(offsets, dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
        if len(texts)
        else np.zeros(1, np.int64)
    )
    blob = np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, dtype=np.uint8)
    return blob[bounds[0] : bounds[-1]].copy(), bounds - bounds[0]


def _numbers(present: pa.Array, kind: str, column: str) -> npt.NDArray[Any]:
    """Values without nulls as numbers."""
    if kind == "unknown":
        return np.empty(0, dtype=np.int64)
    if kind == "number":
        single = pa.types.is_float16(present.type) or pa.types.is_float32(present.type)
        wanted = pa.float32() if single else pa.float64()
    elif kind == "date":
        present, wanted = present.cast(pa.date32()), pa.int32()
    else:
        wanted = pa.uint8() if kind == "bool" else pa.int64()
    try:
        numbers: npt.NDArray[Any] = present.cast(wanted).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"Column '{column}' has whole numbers that do not fit into 64 bits ({error}). Cast it to text."
        ) from error
    return numbers
