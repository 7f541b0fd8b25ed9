"""From Python values to Arrow columns, also when their types are mixed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from kinfolk.data.image_sources import holds_images
from kinfolk.data.names import distinct_names
from kinfolk.data.source import Source
from kinfolk.data.text import value_as_text
from kinfolk.data.wording import listed
from kinfolk.errors import DataError

_MOST_BYTES = 1 << 30  # of a column whose offsets have 32 bits; Arrow holds twice as many in one array

# Python's types in people's words
_KINDS = {
    "str": "text",
    "int": "numbers",
    "float": "numbers",
    "Decimal": "numbers",
    "bool": "true/false",
    "date": "dates",
    "datetime": "dates",
    "bytes": "bytes",
}


def table_of_columns(
    columns: Mapping[object, Iterable[object]] | Sequence[tuple[object, Iterable[object]]], name: str
) -> Source:
    """A table from named sequences of values.

    Raises:
        DataError: the columns differ in length.
    """
    pairs = list(columns.items()) if isinstance(columns, Mapping) else list(columns)
    names, notes = distinct_names([n for n, _ in pairs])
    arrays: list[pa.Array] = []
    for column, (_, values) in zip(names, pairs, strict=True):
        array, note = column_of(values, column)
        arrays.append(array)
        if note:
            notes.append(note)
    if len({len(a) for a in arrays}) > 1:
        lengths = ", ".join(f"'{n}' {len(a):,}" for n, a in zip(names, arrays, strict=True))
        raise DataError(f"{name}: all columns must have the same number of values. Got {lengths}.")
    return Source(pa.Table.from_arrays(arrays, names=names), tuple(f"{name}: {note}" for note in notes))


def table_of_rows(rows: Sequence[Mapping[str, object]], name: str) -> Source:
    """A table from mappings; the columns are all keys in the order in which they first occur."""
    keys: dict[str, None] = {}
    for row in rows:
        keys.update(dict.fromkeys(row))
    return table_of_columns([(key, [row.get(key) for row in rows]) for key in keys], name)


def arrow_array(values: object) -> pa.Array | pa.ChunkedArray | None:
    """What Arrow makes of a list or a pandas series; None where no type of its own takes all values."""
    try:
        return pa.array(values, from_pandas=True)
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
        pa.ArrowNotImplementedError,
        OverflowError,
        UnicodeError,
        TypeError,
        ValueError,
    ):
        return None


def column_of(values: Iterable[object], column: str) -> tuple[pa.Array, str | None]:
    """An Arrow column, and a sentence when the values had to be written as text to fit into one."""
    cleaned = [None if _is_nan(v) else v for v in values]
    array = arrow_array(cleaned)
    if isinstance(array, pa.ChunkedArray):  # more than 2 GB of text
        array = pa.concat_arrays([c.cast(pa.large_string()) for c in array.chunks])
    if array is not None and (not pa.types.is_nested(array.type) or holds_images(array.type)):
        return array, None
    nested = any(isinstance(v, (Mapping, list, tuple)) for v in cleaned)
    texts = [None if v is None else _encodable(value_as_text(v)) for v in cleaned]
    if nested:
        return pa.array(texts, pa.string()), f"column '{column}' holds nested values, which are kept as JSON text."
    kinds = sorted({_KINDS.get(type(v).__name__, type(v).__name__) for v in cleaned if v is not None})
    if kinds == ["text"]:
        return pa.array(
            texts, pa.string()
        ), f"column '{column}' holds broken characters (lone surrogates), shown as '\ufffd'."
    if len(kinds) == 1:
        return pa.array(
            texts, pa.string()
        ), f"column '{column}' holds {kinds[0]} that no column type takes; they are kept as text."
    return pa.array(texts, pa.string()), f"column '{column}' mixes {listed(kinds)}; all are kept as text."


def flatten_table(table: pa.Table, name: str) -> Source:
    """An Arrow table with distinct names, without dictionary columns; nested values but images (``holds_images``) as JSON text."""
    names, notes = distinct_names(table.column_names)
    arrays: list[pa.ChunkedArray] = []
    for i, column in enumerate(names):
        values = table.column(i)
        if isinstance(values.type, pa.ExtensionType):
            values = values.cast(values.type.storage_type)
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        values = _of_any_size(values)
        if pa.types.is_nested(values.type) and not holds_images(values.type):
            array, note = column_of(values.to_pylist(), column)
            values = pa.chunked_array([array])
            notes.extend([note] if note else [])
        arrays.append(values)
    return Source(pa.Table.from_arrays(arrays, names=names), tuple(f"{name}: {note}" for note in notes))


def _of_any_size(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Bytes in a type that holds more than 2 GB in one array, where there are as many; rows could not be taken otherwise."""
    kind = values.type
    if pa.types.is_binary_view(kind):
        return values.cast(pa.large_binary())
    if values.nbytes <= _MOST_BYTES:
        return values
    if pa.types.is_binary(kind):
        return values.cast(pa.large_binary())
    if pa.types.is_struct(kind) and holds_images(kind):
        wide = [pa.field(f.name, pa.large_binary() if pa.types.is_binary(f.type) else f.type) for f in kind]
        return values.cast(pa.struct(wide))
    return values


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and value != value


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() and _has_surrogates(text) else text


def _has_surrogates(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)
