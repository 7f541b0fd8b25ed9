"""JSON lines, and JSON files that hold one list of records."""

from __future__ import annotations

import json
from collections.abc import Iterable

from kinfolk.data.columns import table_of_columns, table_of_rows
from kinfolk.data.encoding import decode
from kinfolk.data.source import Source
from kinfolk.errors import DataError


def read_json(data: bytes, name: str, *, encoding: str | None = None) -> Source:
    """Read records from JSON lines, from a JSON list of objects, or from an object of lists.

    Args:
        data: the whole file, uncompressed.
        name: of the file, for messages.
        encoding: None detects it.

    Raises:
        DataError: the file is empty, or a line is not a JSON object; names the line.
    """
    decoded = decode(data, name, encoding)
    text = decoded.text
    stripped = text.strip()
    if not stripped:
        raise DataError(f"{name} is empty: one JSON object a line is needed.")
    source = _read_list(stripped, name) if stripped.startswith("[") else _read_lines(text, name)
    return Source(source.table, (*decoded.notes, *source.notes))


def _read_lines(text: str, name: str) -> Source:
    rows: list[dict[str, object]] = []
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            whole = _whole_object(text)
            if whole is not None:
                return _read_object(whole, name)
            raise DataError(
                f"{name} line {number}: a JSON object is needed, but the line cannot be read ({_reason(error)}). "
                "Correct or remove it."
            ) from error
        if not isinstance(value, dict):
            raise DataError(
                f'{name} line {number}: a JSON object such as {{"id": 1}} is needed. Got {line.strip()[:40]}. '
                "Correct or remove it."
            )
        rows.append(value)
    if len(rows) == 1 and rows[0] and all(isinstance(v, list) for v in rows[0].values()):
        return _read_object(rows[0], name)
    return table_of_rows(rows, name)


def _read_list(text: str, name: str) -> Source:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{name}: a JSON list of objects is needed, but it cannot be read ({_reason(error)}). It may be cut short."
        ) from error
    for number, value in enumerate(values, start=1):
        if not isinstance(value, dict):
            raise DataError(
                f'{name} element {number}: a JSON object such as {{"id": 1}} is needed. Got {str(value)[:40]}.'
            )
    return table_of_rows(values, name)


def _whole_object(text: str) -> dict[str, object] | None:
    """The file as one object written over several lines, if it is one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _read_object(value: dict[str, object], name: str) -> Source:
    lists: list[tuple[object, Iterable[object]]] = [(k, v) for k, v in value.items() if isinstance(v, list)]
    if value and len(lists) == len(value):
        return table_of_columns(lists, name)
    return table_of_rows([value], name)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return str(error)
    return "a number has too many digits" if isinstance(error, ValueError) else "it is nested too deeply"
