"""Columns of records by their roles, as conditions need them: numbers and dates where text holds these."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.data.records import Records
from kinfolk.data.text import is_string

_EXACT = 2.0**53  # below it floating-point numbers tell whole ones apart


def typed_column(records: Records, name: str) -> pa.ChunkedArray:
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
