"""What an evaluation accepts as a table, and how ids are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kinfolk.errors import DataError


class ArrowStream(Protocol):
    """Anything that hands its contents over as Arrow: pandas and polars frames, DuckDB relations."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


TableLike: TypeAlias = pa.Table | ArrowStream | Mapping[str, Sequence[object]]


def read_columns(source: TableLike, columns: Sequence[str], *, name: str) -> pa.Table:
    """Give the named columns of a table.

    Args:
        source: an Arrow table, a frame that speaks Arrow (pandas, polars, DuckDB), or a dict of lists.
        columns: the columns needed.
        name: what the table is called in an error.

    Returns:
        An Arrow table with exactly these columns.

    Raises:
        DataError: the source is no table, or a column is missing.
    """
    table = as_table(source, name=name)
    missing = [column for column in columns if column not in table.column_names]
    if missing:
        raise DataError(
            f"{name} must have the columns {', '.join(columns)}; {', '.join(missing)} is missing. "
            f"It has: {', '.join(table.column_names) or 'no columns'}. Rename its columns."
        )
    return table.select(list(columns))


def as_table(source: TableLike, *, name: str) -> pa.Table:
    """Give an Arrow table for any table-like source.

    Raises:
        DataError: the source is no table.
    """
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, Mapping) or hasattr(source, "__arrow_c_stream__"):
        try:
            return pa.table(source)
        except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError) as error:
            raise DataError(f"{name} cannot be read as a table: {error}") from error
    raise DataError(
        f"{name} must be a table (Arrow, pandas, polars, or a dict of lists). Got {type(source).__name__}. "
        "Read a file first, with every id column as text."
    )


def id_strings(table: pa.Table, column: str, *, name: str) -> pa.Array:
    """Give ids as text, so that the integer 7 and the text "7" are one id and "007" is another.

    A whole number kept as a float (pandas does this to integers when one is missing) is written without its ".0".

    Raises:
        DataError: an id is missing or is not a scalar.
    """
    ids = table.column(column).combine_chunks()
    if ids.null_count or (pa.types.is_floating(ids.type) and bool(pc.any(pc.is_nan(ids)).as_py())):
        empty = pc.is_null(ids, nan_is_null=True).to_numpy(zero_copy_only=False)
        row = int(np.flatnonzero(empty)[0]) + 1
        raise DataError(f"{name}, column {column}, row {row}: an id is missing. Every row needs an id here.")
    return as_strings(ids, where=f"{name}, column {column}")


def as_strings(values: pa.Array, *, where: str) -> pa.Array:
    """Cast values to text; missing ones (also NaN) stay missing.

    Raises:
        DataError: the type has no text form.
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_floating(values.type):
        numbers = pc.if_else(pc.is_nan(values), None, values).cast(pa.float64())
        # Beyond 2**53 a float no longer tells neighboring integers apart, and Arrow's own text is as good as any.
        whole = pc.and_(pc.equal(numbers, pc.floor(numbers)), pc.less(pc.abs(numbers), 2.0**53))
        integers = pc.if_else(whole, numbers, None).cast(pa.int64())
        return pc.if_else(whole, integers.cast(pa.string()), numbers.cast(pa.string()))
    try:
        return values.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
        raise DataError(f"{where}: ids must be text or numbers. Got values of type {values.type}.") from error


def shared_codes(first: pa.Array, second: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Number two arrays of text by one dictionary.

    Returns:
        The codes of the first array, those of the second, and the number of distinct values.
    """
    encoded = pa.chunked_array([first, second], type=pa.string()).combine_chunks().dictionary_encode()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes[: len(first)], codes[len(first) :], len(encoded.dictionary)
