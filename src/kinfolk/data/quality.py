"""What a user should know about the values of a column before trusting a result."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.data.dates import Dates, parse_dates
from kinfolk.data.numbers import parse_numbers
from kinfolk.data.records import Records
from kinfolk.data.text import MISSING_MARKERS, as_text, is_string
from kinfolk.data.wording import counted, listed, rows_in_words, shortened


def quality_notes(records: Records) -> tuple[str, ...]:
    """Sentences about unreadable numbers and dates, dates that read two ways, and cells that stand for "missing"."""
    notes: list[str] = []
    empty: list[str] = []
    for column, role in records.roles.items():
        values = records.table.column(column)
        if role == "ignore" and len(records) and as_text(values).null_count == len(records):
            empty.append(f"'{shortened(column)}'")
        if role in ("text", "category", "number", "date", "id"):
            notes.extend(_marker_note(records.name, column, values))
        if role == "number":
            notes.extend(_number_notes(records.name, column, values, records.conventions.get(column)))
        if role == "date":
            dates = parse_dates(values)  # in the order its own values suggest: the records hold the same
            notes.extend(_date_notes(records.name, column, values, dates))
    if empty:
        said = "Column" if len(empty) == 1 else "Columns"
        notes.append(f"{records.name}: {said} {listed(empty)} without any value, ignored.")
    return tuple(notes)


def _marker_note(name: str, column: str, values: pa.ChunkedArray) -> list[str]:
    if not is_string(values.type):
        return []
    found = values.filter(pc.is_in(pc.utf8_trim_whitespace(values), value_set=pa.array(MISSING_MARKERS, values.type)))
    if not len(found):
        return []
    said = counted(len(found), "cell says", "cells say")
    return [f"{name} column '{shortened(column)}': {said} '{found[0].as_py().strip()}', which counts as missing."]


def _number_notes(name: str, column: str, values: pa.ChunkedArray, mark: str | None) -> list[str]:
    numbers = parse_numbers(values, decimal=mark)
    notes: list[str] = []
    if len(numbers.unreadable):
        notes.append(_unreadable(name, column, values, numbers.unreadable.tolist(), "finite number"))
    if numbers.decimal == ",":
        notes.append(f"{name} column '{shortened(column)}': the comma is read as decimal mark (1.299,50 is 1299.5).")
    return notes


def _date_notes(name: str, column: str, values: pa.ChunkedArray, dates: Dates) -> list[str]:
    notes: list[str] = []
    if len(dates.unreadable):
        notes.append(_unreadable(name, column, values, dates.unreadable.tolist(), "date"))
    if dates.ambiguous and not dates.settled:
        notes.append(
            f"{name} column '{shortened(column)}': nothing tells whether 3/4 is the third of April or the fourth of March; "
            f"dates are read {dates.order}. Write dates as 2001-04-03 to be sure."
        )
    if dates.short_years:
        notes.append(
            f"{name} column '{shortened(column)}': {counted(dates.short_years, 'year', 'years')} of two digits, "
            "read as 1969 to 2068."
        )
    if dates.years:
        notes.append(
            f"{name} column '{shortened(column)}': {counted(dates.years, 'value is', 'values are')} a year only, "
            "read as its first of January."
        )
    return notes


def _unreadable(name: str, column: str, values: pa.ChunkedArray, rows: list[int], what: str) -> str:
    example = shortened(str(values[rows[0]].as_py()), 30)
    said = counted(len(rows), f"value is no {what}", f"values are no {what}s")
    return f"{name} column '{shortened(column)}': {said} ('{example}', {rows_in_words(rows)}), taken as missing."
