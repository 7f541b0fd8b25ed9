"""Any Arrow column as the text a person would write, with null where a value is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

# What programs write where a value is missing. In this spelling only: a person may be called "Null", "NA" is Namibia.
MISSING_MARKERS = ("NULL", "null", "None", "NaN", "nan", "NaT", "N/A", "n/a", "#N/A", "<NA>", "\\N")

_WHOLE_FLOAT_LIMIT = 1e15  # whole numbers below this are exact in a float and read better without an exponent


def as_text(column: pa.ChunkedArray, *, drop_point_zero: bool = False) -> pa.ChunkedArray:
    """Write every value of a column as text.

    Args:
        column: values of any Arrow type.
        drop_point_zero: write the text "2002.0" as "2002" too; meant for text that holds numbers.

    Returns:
        Strings, trimmed, null where the value is missing, empty, or one of ``MISSING_MARKERS``. Whole floats lose their
        ``.0``, midnights lose their time of day, nested values become JSON.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return as_text(column.cast(kind.value_type), drop_point_zero=drop_point_zero)
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    if is_string(kind):
        text = _blank_to_null(column)
        return (
            pc.replace_substring_regex(text, pattern=r"^([+-]?\d+)\.0$", replacement=r"\1") if drop_point_zero else text
        )
    if pa.types.is_floating(kind):
        return _floats(column)
    if pa.types.is_timestamp(kind):
        return _timestamps(column)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind) or pa.types.is_date(kind):
        return column.cast(pa.string())
    return pa.chunked_array([[None if v is None else value_as_text(v) for v in column.to_pylist()]], type=pa.string())


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array, whatever its chunks."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], type=column.type)


def is_string(kind: pa.DataType) -> bool:
    """Whether a type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def value_as_text(value: object) -> str:
    """One Python value as text: JSON for nested values, whole floats without ``.0``, bytes by their number."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value:
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < _WHOLE_FLOAT_LIMIT else repr(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"({len(bytes(value))} bytes)"
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=value_as_text)
    return str(value)


def _blank_to_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    trimmed = pc.utf8_trim_whitespace(column if pa.types.is_string(column.type) else column.cast(pa.large_string()))
    missing = pc.is_in(trimmed, value_set=pa.array(["", *MISSING_MARKERS], trimmed.type))
    return pc.if_else(missing, pa.scalar(None, trimmed.type), trimmed)


def _floats(column: pa.ChunkedArray) -> pa.ChunkedArray:
    written = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column).cast(
        pa.string()
    )  # in its own precision
    wide = column.cast(pa.float64())
    whole = pc.and_(pc.equal(wide, pc.round(wide)), pc.less(pc.abs(wide), _WHOLE_FLOAT_LIMIT))
    as_integer = pc.if_else(whole, wide, pa.scalar(None, pa.float64())).cast(pa.int64()).cast(pa.string())
    return pc.coalesce(as_integer, written)


def _timestamps(column: pa.ChunkedArray) -> pa.ChunkedArray:
    naive = pc.local_timestamp(column) if column.type.tz else column
    written = pc.strftime(naive.cast(pa.timestamp("s"), safe=False), format="%Y-%m-%d %H:%M:%S")
    return pc.replace_substring_regex(written, pattern=" 00:00:00$", replacement="")
