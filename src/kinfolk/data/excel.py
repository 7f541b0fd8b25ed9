"""Excel and LibreOffice workbooks."""

from __future__ import annotations

import io
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from kinfolk.data.columns import table_of_columns
from kinfolk.data.source import Source
from kinfolk.data.wording import counted, repeated_header_note
from kinfolk.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook


def read_excel(data: bytes, name: str, *, sheet: str | int | None = None) -> Source:
    """Read one sheet of a workbook (xlsx, xlsb, xls, ods); its first row that is not blank names the columns.

    Args:
        data: the whole file.
        name: of the file, for messages.
        sheet: its name, or its place from 1; None takes the first sheet that holds anything.

    Raises:
        DataError: the workbook is damaged or has no rows.
        ConfigurationError: no such sheet.
    """
    import python_calamine

    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = list(workbook.sheet_names)
        wanted = _sheet_name(names, sheet, name)
        rows, chosen = _rows(workbook, wanted, names)
    except (python_calamine.CalamineError, OSError, ValueError, BaseExceptionGroup) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise DataError(f"{name} cannot be read as a workbook ({error}). Save it again as .xlsx or .csv.") from error
    notes = []
    if sheet is None and len(names) > 1:
        notes.append(f"{name}: the sheet '{chosen}' of {len(names)} was read. Give sheet= to choose another.")
    while rows and all(_blank(v) for v in rows[-1]):
        rows.pop()
    start = next((i for i, row in enumerate(rows) if not all(_blank(v) for v in row)), None)
    if start is None:
        raise DataError(f"{name}: the sheet '{chosen}' is empty. Give sheet= to choose another.")
    if start:
        notes.append(f"{name}: {counted(start, 'blank row', 'blank rows')} above the header left out.")
    header, body = rows[start], rows[start + 1 :]
    kept = [i for i, head in enumerate(header) if not _blank(head) or any(not _blank(row[i]) for row in body)]
    blank = sum(all(_blank(v) for v in row) for row in body)
    if blank:
        notes.append(f"{name}: {counted(blank, 'blank row', 'blank rows')} left out.")
        body = [row for row in body if not all(_blank(v) for v in row)]
    repeated = [i for i, row in enumerate(body) if row == header] if len(kept) > 1 else []
    if repeated:
        notes.append(f"{name}: {repeated_header_note(repeated)}")
        body = [row for row in body if row != header]
    source = table_of_columns([(header[i], _column([row[i] for row in body])) for i in kept], name)
    return Source(source.table, (*notes, *source.notes))


def _sheet_name(names: list[str], sheet: str | int | None, file: str) -> str | None:
    if sheet is None:
        return None
    if isinstance(sheet, str) and sheet in names:
        return sheet
    number = int(sheet) if isinstance(sheet, int) or sheet.isdecimal() else 0
    if 1 <= number <= len(names):
        return names[number - 1]
    raise ConfigurationError(f"{file} has no sheet {sheet!r}. Its sheets, from 1: {', '.join(names)}.")


def _rows(workbook: CalamineWorkbook, wanted: str | None, names: list[str]) -> tuple[list[list[object]], str]:
    chosen = wanted if wanted is not None else (names[0] if names else "")
    for candidate in [wanted] if wanted is not None else names:
        rows: list[list[object]] = [
            list(row) for row in workbook.get_sheet_by_name(candidate).to_python(skip_empty_area=False)
        ]
        if any(not _blank(v) for row in rows for v in row):
            return rows, candidate
    return [], chosen


def _column(values: list[object]) -> list[object]:
    """Workbooks store every number as a float and every date with a time: give back what the person typed."""
    present = [v for v in values if not _blank(v)]
    whole = all(isinstance(v, float) and v.is_integer() and abs(v) < 2**53 for v in present) and bool(present)
    midnight = all(
        isinstance(v, date) and (not isinstance(v, datetime) or v.time() == time()) for v in present
    ) and bool(present)
    cleaned: list[object] = []
    for value in values:
        if _blank(value):
            cleaned.append(None)
        elif whole and isinstance(value, float):
            cleaned.append(int(value))
        elif midnight and isinstance(value, datetime):
            cleaned.append(value.date())
        else:
            cleaned.append(value)
    return cleaned


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
