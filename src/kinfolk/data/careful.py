"""The careful reader for delimited text that is not clean: stray quotes, ragged rows, line ends within cells."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from kinfolk.data.ids import rows_in_words
from kinfolk.data.names import distinct_names
from kinfolk.data.source import Source

EXTRA_COLUMN = "extra cells"


def read_carefully(text: str, delimiter: str, name: str) -> Source:
    """Read delimited text of any state; what had to be repaired is said in notes, with rows counted from 1.

    A quote opens a quoted cell only where a matching quote closes it before a delimiter or a line end; any other quote is
    an ordinary character. Rows with too few cells are filled up with missing values; cells beyond the header are kept
    in a column of their own.

    Args:
        text: the decoded file, not blank.
        delimiter: one character.
        name: of the file, for messages.
    """
    rows = list(split_records(text.lstrip("\r\n"), delimiter))
    while rows and rows[-1] in ([""], []):
        rows.pop()
    header, body = rows[0], rows[1:]
    notes: list[str] = []
    if len(header) > 1:
        body = [row for row in body if row != [""]]
    else:
        blank = sum(row == [""] for row in body)
        if blank:
            notes.append(f"{blank:,} blank lines count as records with a missing value.")
        header, body = _one_column(header, body, delimiter, notes)
    header, body = _match_width(header, body, notes)
    width = len(header)
    repeated = [i for i, row in enumerate(body) if row == header] if width > 1 else []
    if repeated:
        notes.append(f"the header stands again at {rows_in_words(np.array(repeated))} and was left out there.")
        body = [row for row in body if row != header]
    _fill_up(body, width, notes)
    extra = _extra_cells(body, width, delimiter, notes)
    columns, header_notes = distinct_names(header if not extra else [*header, EXTRA_COLUMN])
    arrays = [_strings([row[i] for row in body]) for i in range(width)]
    if extra:
        arrays.append(_strings(extra))
    notes.extend(header_notes)
    return Source(pa.Table.from_arrays(arrays, names=columns), tuple(f"{name}: {note}" for note in notes))


def split_records(text: str, delimiter: str) -> Iterator[list[str]]:
    r"""Split text into records of cells; a line end is \n, \r\n or \r."""
    d = re.escape(delimiter)
    cell = re.compile(rf'(?:"([^"]*+(?:""[^"]*+)*+)"(?=[{d}\r\n]|\Z)|([^{d}\r\n]*))({d}|\r\n|\n|\r|\Z)')
    position, end = 0, len(text)
    while position < end:
        stop = text.find("\n", position)
        stop = end if stop < 0 else stop
        line = text[position:stop].removesuffix("\r")
        if '"' not in line and "\r" not in line:
            yield line.split(delimiter)
            position = stop + 1
            continue
        record: list[str] = []
        while True:
            found = cell.match(text, position)
            assert found is not None  # the second alternative matches the empty cell anywhere
            quoted, plain, mark = found.groups()
            record.append(plain if quoted is None else quoted.replace('""', '"'))
            position = found.end()
            if mark != delimiter:
                break
        yield record


def _one_column(
    header: list[str], body: list[list[str]], delimiter: str, notes: list[str]
) -> tuple[list[str], list[list[str]]]:
    """A header of one name means one column: what looks like more cells is text with that character in it."""
    split = [i for i, row in enumerate(body) if len(row) > 1]
    if split:
        notes.append(
            f"the header names one column, so {len(split):,} rows with '{delimiter}' in them "
            f"({rows_in_words(np.array(split))}) were read as one cell each."
        )
    return header, [[delimiter.join(row)] for row in body]


def _match_width(header: list[str], body: list[list[str]], notes: list[str]) -> tuple[list[str], list[list[str]]]:
    """Rows of one cell more than the header: a delimiter at every line's end, or row names without a heading."""
    widths = Counter(len(row) for row in body)
    width = len(header)
    if not body or width < 2 or widths[width + 1] < 0.9 * len(body):
        return header, body
    if all(len(row) <= width or not row[width] for row in body):
        return header, [row[:width] if len(row) == width + 1 else row for row in body]
    notes.append("rows have one cell more than the header; their first cell is taken for a row name without a heading.")
    return ["", *header], body


def _fill_up(body: list[list[str]], width: int, notes: list[str]) -> None:
    short = [i for i, row in enumerate(body) if len(row) < width]
    for i in short:
        body[i] = body[i] + [""] * (width - len(body[i]))
    if short:
        notes.append(
            f"{len(short):,} rows have fewer cells than the header ({rows_in_words(np.array(short))}); "
            "the cells not there are missing values."
        )


def _extra_cells(body: list[list[str]], width: int, delimiter: str, notes: list[str]) -> list[str]:
    long = [i for i, row in enumerate(body) if len(row) > width and any(row[width:])]
    if not long:
        return []
    notes.append(
        f"{len(long):,} rows have more cells than the header ({rows_in_words(np.array(long))}): the rest is kept in the column "
        f"'{EXTRA_COLUMN}'. A value with '{delimiter}' in it may lack its quotes: check these rows."
    )
    return [delimiter.join(row[width:]) for row in body]


def _strings(values: list[str]) -> pa.Array:
    return pa.array([v or None for v in values], type=pa.string())
