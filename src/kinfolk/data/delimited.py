"""Tables in text files: any delimiter, any encoding; fast when the file is clean, careful when it is not."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.data.careful import read_carefully, split_records
from kinfolk.data.encoding import decode
from kinfolk.data.names import distinct_names
from kinfolk.data.source import Source
from kinfolk.data.wording import counted, repeated_header_note
from kinfolk.errors import ConfigurationError, DataError

_CANDIDATES = (",", "\t", ";", "|", "^", "\x1f", "\x01", "¦", "~", ":")
_NAMED = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "caret": "^", "space": " "}
_SAMPLE_CHARACTERS = 1 << 17
_BLOCK_BYTES = 1 << 24


def read_delimited(data: bytes, name: str, *, delimiter: str | None = None, encoding: str | None = None) -> Source:
    """Read a delimited text table; every column stays text.

    Args:
        data: the whole file, uncompressed.
        name: of the file, for messages.
        delimiter: one character, or "tab", "pipe" …; None detects it.
        encoding: None detects it.

    Returns:
        The table (empty cells are null) and a note for everything that was detected unsurely or repaired.

    Raises:
        DataError: the file is empty or not text.
        ConfigurationError: a delimiter or an encoding that cannot be.
    """
    decoded = decode(data, name, encoding)
    text, notes = decoded.text, list(decoded.notes)
    if not text.strip():
        raise DataError(f"{name} is empty: a header line with column names and rows below it are needed.")
    _refuse_other_kinds(text, name)
    asked = None if delimiter is None else check_delimiter(delimiter)
    text, comments = _without_comments(text, asked)
    if comments:
        notes.append(f"{name}: {counted(comments, 'comment line', 'comment lines')} above the header left out.")
    mark = asked or detect_delimiter(text)
    table = _read_cleanly(text, data if not notes and decoded.as_given else None, mark)
    if table is None:
        careful = read_carefully(text, mark, name)
        return Source(careful.table, (*notes, *careful.notes))
    columns, header_notes = distinct_names(table.column_names)
    table, repeated = _drop_repeated_header(table)
    notes.extend(f"{name}: {note}" for note in (*header_notes, *repeated))
    return Source(table.rename_columns(columns), tuple(notes))


def check_delimiter(delimiter: str) -> str:
    """The delimiter a user asked for, as one character."""
    mark = _NAMED.get(delimiter.lower(), delimiter)
    if len(mark) != 1 or mark in '"\r\n\0':
        raise ConfigurationError(
            "delimiter must be one character that is neither a quote nor a line end, "
            f"or one of {', '.join(_NAMED)}. Got {delimiter!r}."
        )
    return mark


def detect_delimiter(text: str) -> str:
    """The character that splits the header and most rows into equally many cells; "," when none splits the header."""
    sample = text[:_SAMPLE_CHARACTERS].lstrip("\r\n")
    if len(text) > _SAMPLE_CHARACTERS:
        sample = sample[: sample.rfind("\n") + 1] or sample
    best, best_score = ",", 0.0
    for rank, candidate in enumerate(_CANDIDATES):
        if candidate not in sample:
            continue
        widths = _widths(sample, candidate)
        if not widths or widths[0] < 2:
            continue
        common, times = Counter(widths).most_common(1)[0]
        agreement = sum(w == widths[0] for w in widths) / len(widths)
        if common == 1 and times / len(widths) > 0.5:
            continue
        # Agreement counts most; among equals the one that makes more columns; a time of day should not split a table.
        score = agreement * 10 + min(widths[0], 50) / 50 - rank / 100 - (3 if candidate == ":" else 0)
        if score > best_score:
            best, best_score = candidate, score
    return best


def _widths(sample: str, delimiter: str) -> list[int]:
    limit = 131_072  # the csv module's own limit for one cell; longer cells are cut for the count
    lines = (line[: limit - 1] + ("\n" if len(line) >= limit else "") for line in io.StringIO(sample, newline=""))
    try:
        return [len(row) for _, row in zip(range(300), csv.reader(lines, delimiter=delimiter), strict=False) if row]
    except csv.Error:
        return [line.count(delimiter) + 1 for line in sample.splitlines()[:300] if line]


def _refuse_other_kinds(text: str, name: str) -> None:
    head = text[:4096]
    # a table may hold control characters in its values, but hardly in the names of its columns as well
    if _control_share(head) > 0.05 and _control_share(head.lstrip().split("\n", 1)[0]) > 0:
        raise DataError(
            f"{name} is not a table in text form: it holds binary data. Give a CSV, JSONL, Parquet or Excel file."
        )
    if head.lstrip().lower().startswith(("<!doctype html", "<html")):
        raise DataError(f"{name} is a web page, not a table; a download may have ended at a login or error page.")


def _control_share(text: str) -> float:
    return sum(c < " " and c not in "\t\r\n\x01\x1f\x1e" for c in text) / max(len(text), 1)


def _without_comments(text: str, delimiter: str | None) -> tuple[str, int]:
    """Leave out lines above the header that begin with # and hold no delimiter; also says how many."""
    rest, count = text, 0
    while rest.startswith("#") and "\n" in rest:
        rest = rest[rest.find("\n") + 1 :]
        count += 1
    above = text[: len(text) - len(rest)]
    if not count or not rest.strip():
        return text, 0
    mark = delimiter or detect_delimiter(rest)
    first = rest[: rest.find("\n")] if "\n" in rest else rest
    return (rest, count) if mark in first and mark not in above else (text, 0)


def _read_cleanly(text: str, data: bytes | None, delimiter: str) -> pa.Table | None:
    """The fast reader's table, or None when anything about the file is not plain enough to trust it."""
    import pyarrow.csv as pa_csv

    if ord(delimiter) > 127 or text.count("\r") != text.count("\r\n") or text[0] in "\r\n":
        return None
    # Without its well-formed quoted cells the text holds no quote, and as many lines as records.
    skeleton = _without_quoted_cells(text, delimiter) if '"' in text else text
    first_line = text[: text.find("\n")] if "\n" in text else text
    columns = next(split_records(first_line.rstrip("\r"), delimiter), [])
    if '"' in skeleton or first_line.count('"') % 2 or len(columns) < 2 or not all(c.strip() for c in columns):
        return None
    body = text.encode("utf-8", "surrogatepass") if data is None else data
    names = [str(i) for i in range(len(columns))]
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(body),
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=min(_BLOCK_BYTES, len(body) + 1), column_names=names, skip_rows=1
            ),
            parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=skeleton is not text),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=True,
                check_utf8=False,
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None
    if table.num_rows != _count_lines(skeleton) - 1:
        return None
    return table.rename_columns(columns)


def _without_quoted_cells(text: str, delimiter: str) -> str:
    d = re.escape(delimiter)
    # the pattern begins with its quote, so that the search jumps from quote to quote; then it looks back
    return re.sub(rf'"(?<![^{d}\r\n]")[^"]*+(?:""[^"]*+)*+"(?=[{d}\r\n]|\Z)', "", text)


def _count_lines(text: str) -> int:
    """Lines that are not empty."""
    lines = text.count("\n") + (0 if text.endswith("\n") else 1)
    for run in re.finditer(r"(?:\r?\n){2,}", text) if "\n\n" in text or "\n\r\n" in text else ():
        lines -= run.group().count("\n") - 1
    return lines


def _drop_repeated_header(table: pa.Table) -> tuple[pa.Table, list[str]]:
    same = pc.equal(table.column(0), table.column_names[0])
    if not table.num_rows or not pc.any(same).as_py():
        return table, []
    for i, name in enumerate(table.column_names[1:], start=1):
        same = pc.and_(same, pc.equal(table.column(i), name))
    repeated = np.flatnonzero(np.asarray(same.fill_null(False).to_numpy()))
    if not len(repeated):
        return table, []
    return table.filter(pc.invert(same.fill_null(False))), [repeated_header_note(repeated)]
