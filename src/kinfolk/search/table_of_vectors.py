"""The ids and attributes of vectors from a file: what stands beside them, or the table that they were made from."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.data import Records, read_records
from kinfolk.data.names import require_columns
from kinfolk.data.text import is_string
from kinfolk.errors import ConfigurationError, DataError

_EXACT = 2.0**53  # below it floating-point numbers tell whole ones apart
_NAME = "name"  # of the row that was embedded, from 1; or of the image


def table_of_vectors(
    beside: pa.Table, num: int, *, attributes: str | None, id_column: str | None
) -> tuple[pa.ChunkedArray | None, pa.Table]:
    """Ids, None where rows are numbered, and attributes.

    Args:
        beside: the columns beside the vectors; ``name`` is the number of the row that was embedded.
        num: vectors.
        attributes: the table that was embedded, a file; None takes the columns beside the vectors.
        id_column: of the attributes; None takes the names of the vectors, or numbers from 1 where they have none.

    Raises:
        DataError: the table cannot be read, or lacks a row that was embedded.
        ConfigurationError: no such column.
    """
    table = beside if attributes is None else _rows_of(beside, num, attributes)
    if id_column is not None:
        require_columns([id_column], table.column_names, "The table of attributes")
        return table.column(id_column), table.drop_columns([id_column])
    names = (
        beside.column(_NAME) if _NAME in beside.column_names else pa.chunked_array([pa.array(np.arange(1, num + 1))])
    )
    return names, table.drop_columns([_NAME]) if attributes is None and _NAME in table.column_names else table


def _rows_of(beside: pa.Table, num: int, source: str) -> pa.Table:
    """The rows of a table that were embedded."""
    records = read_records(source)
    table = pa.table({name: _typed(records, name) for name in records.table.column_names})
    if _NAME not in beside.column_names:
        if len(table) != num:
            raise DataError(
                f"{source} must have a row for each vector. It has {len(table):,}, and there are {num:,} vectors."
            )
        return table
    names = beside.column(_NAME).to_pylist()
    if not all(str(name).isdecimal() for name in names):
        raise ConfigurationError(
            f"The vectors are named by other things than rows of a table, such as {names[0]!r}. Leave the attributes out."
        )
    rows = np.array([int(name) - 1 for name in names], dtype=np.int64)
    if num and (rows.min() < 0 or rows.max() >= len(table)):
        raise DataError(
            f"{source} has {len(table):,} rows, and a vector is of row {rows.max() + 1:,}. Give the table that was embedded."
        )
    return table.take(pa.array(rows))


def _typed(records: Records, name: str) -> pa.ChunkedArray:
    """A column as numbers or dates where it was read as text and holds these; whole numbers and years as whole numbers."""
    column = records.table.column(name)
    role = records.roles[name]
    if not is_string(column.type) or role not in ("number", "date"):
        return column
    if role == "number" or _are_years(column):
        numbers = records.numbers(name)
        known = numbers[~np.isnan(numbers)]
        values = pa.array(numbers, from_pandas=True)
        are_whole = ((known == np.rint(known)) & (np.abs(known) < _EXACT)).all()
        return pa.chunked_array([values.cast(pa.int64()) if are_whole else values])
    days = pa.array(records.dates(name), from_pandas=True)
    return pa.chunked_array([days.cast(pa.int32()).cast(pa.date32())])


def _are_years(column: pa.ChunkedArray) -> bool:
    return bool(pc.all(pc.match_substring_regex(column, r"^\s*\d{0,4}\s*$")).as_py())
