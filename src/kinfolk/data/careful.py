"""The careful reader for delimited text that is not clean: stray quotes, ragged rows, line ends within cells."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pyarrow as pa

from kinfolk.data.names import distinct_names, names_an_id
from kinfolk.data.source import Source
from kinfolk.data.wording import counted, repeated_header_note, rows_in_words

EXTRA_COLUMN = "extra cells"


def read_carefully(text: str, delimiter: str, name: str) -> Source:
    """Read delimited text of any state; what had to be repaired is said in notes, with rows counted from 1.

    A quote opens a quoted cell only where a matching quote closes it before a delimiter or a line end; any other quote
    is an ordinary character. Rows with too few cells are filled up with missing values; cells beyond the header are
    kept in a column of their own.

    Args:
        text: the decoded file, not blank.
        delimiter: one character.
        name: of the file, for messages.
    """
    stray: list[int] = []
    rows = list(split_records(text.strip("\r\n"), delimiter, stray))
    header, body = rows[0], rows[1:]
    notes: list[str] = []
    if stray:
        said = counted(len(stray), "line has", "lines have")
        notes.append(f"{said} a quote that is not closed or not doubled ({_lines(stray)}); it was kept as it stands.")
    if len(header) > 1:
        body = [row for row in body if row != [""]]
        header, body = _match_width(header, body, notes)
        body = _without_repeated_header(header, body, notes)
    else:
        body = _one_column(body, delimiter, notes)
    width = len(header)
    _fill_up(body, width, notes, cut_short=not text.endswith(("\n", "\r")))
    extra = _extra_cells(body, width, delimiter, notes)
    columns, header_notes = distinct_names(header if not extra else [*header, EXTRA_COLUMN])
    arrays = [_strings([row[i] for row in body]) for i in range(width)]
    if extra:
        arrays.append(_strings(extra))
    notes.extend(header_notes)
    return Source(pa.Table.from_arrays(arrays, names=columns), tuple(f"{name}: {note}" for note in notes))


def split_records(text: str, delimiter: str, stray: list[int] | None = None) -> Iterator[list[str]]:
    r"""Split text into records of cells; a line end is \n, \r\n or \r.

    Args:
        text: what to split.
        delimiter: one character.
        stray: takes the numbers, from 0, of the records with a quote that is an ordinary character.
    """
    d = re.escape(delimiter)
    cell = re.compile(rf'(?:"([^"]*+(?:""[^"]*+)*+)"(?=[{d}\r\n]|\Z)|([^{d}\r\n]*))({d}|\r\n|\n|\r|\Z)')
    position, end, number = 0, len(text), -1
    while position < end:
        number += 1
        stop = text.find("\n", position)
        stop = end if stop < 0 else stop
        line = text[position:stop].removesuffix("\r")
        if '"' not in line and "\r" not in line:
            yield line.split(delimiter)
            position = stop + 1
            continue
        record: list[str] = []
        odd = False
        while True:
            found = cell.match(text, position)
            assert found is not None  # the second alternative matches the empty cell anywhere
            quoted, plain, mark = found.groups()
            odd = odd or (quoted is None and '"' in plain)
            record.append(plain if quoted is None else quoted.replace('""', '"'))
            position = found.end()
            if mark != delimiter:
                break
        if odd and stray is not None:
            stray.append(number)
        yield record


def _one_column(body: list[list[str]], delimiter: str, notes: list[str]) -> list[list[str]]:
    """A header of one name means one column: what looks like more cells is text with that character in it."""
    blank = [i for i, row in enumerate(body) if row == [""]]
    if blank:
        said = counted(len(blank), "blank line counts", "blank lines count")
        notes.append(f"{said} as a record with a missing value ({rows_in_words(blank)}).")
    split = [i for i, row in enumerate(body) if len(row) > 1]
    if split:
        said = counted(len(split), "row", "rows")
        notes.append(
            f"the first line names one column, so {said} with '{delimiter}' in it ({rows_in_words(split)}) became one cell "
            "each. If the column names stand on a later line, remove the lines above it."
        )
    return [[delimiter.join(row)] for row in body]


def _match_width(header: list[str], body: list[list[str]], notes: list[str]) -> tuple[list[str], list[list[str]]]:
    """Rows of one cell more than the header: a delimiter at every line's end, or row names without a heading."""
    width = len(header)
    longer = sum(len(row) == width + 1 for row in body)
    if longer < max(2, 0.9 * len(body)):
        return header, body
    if all(len(row) <= width or not row[width] for row in body):
        return header, [row[:width] if len(row) == width + 1 else row for row in body]
    first = [row[0] for row in body]
    if names_an_id(header[0]) or len(set(first)) < len(first):
        return header, body
    notes.append("rows have one cell more than the header; their first cell is taken for a row name without a heading.")
    return ["", *header], body


def _without_repeated_header(header: list[str], body: list[list[str]], notes: list[str]) -> list[list[str]]:
    repeated = [i for i, row in enumerate(body) if row == header] if any(header) else []
    if not repeated:
        return body
    notes.append(repeated_header_note(repeated))
    return [row for row in body if row != header]


def _fill_up(body: list[list[str]], width: int, notes: list[str], *, cut_short: bool) -> None:
    short = [i for i, row in enumerate(body) if len(row) < width]
    for i in short:
        body[i] = body[i] + [""] * (width - len(body[i]))
    if short:
        said = counted(len(short), "row has", "rows have")
        last = (
            " The last line breaks off: the file may be cut short." if cut_short and short[-1] == len(body) - 1 else ""
        )
        notes.append(
            f"{said} fewer cells than the header ({rows_in_words(short)}); the cells not there are missing values.{last}"
        )


def _extra_cells(body: list[list[str]], width: int, delimiter: str, notes: list[str]) -> list[str]:
    long = [i for i, row in enumerate(body) if len(row) > width and any(row[width:])]
    if not long:
        return []
    said = counted(len(long), "row has", "rows have")
    notes.append(
        f"{said} more cells than the header ({rows_in_words(long)}): the rest is kept in the column '{EXTRA_COLUMN}'. "
        f"A value with '{delimiter}' in it may lack its quotes: check there."
    )
    return [delimiter.join(row[width:]) for row in body]


def _strings(values: list[str]) -> pa.Array:
    return pa.array([v or None for v in values], type=pa.string())


def _lines(records: list[int]) -> str:
    """Records counted with the header as line 1."""
    return rows_in_words(records).replace("row", "line", 1)
