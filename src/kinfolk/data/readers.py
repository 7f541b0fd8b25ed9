"""Reading records from wherever they are."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from kinfolk.data.columns import flatten_table
from kinfolk.data.delimited import read_delimited
from kinfolk.data.encoding import decompress
from kinfolk.data.excel import read_excel
from kinfolk.data.frames import read_memory
from kinfolk.data.ids import id_notes, row_number_note
from kinfolk.data.jsonl import read_json
from kinfolk.data.names import require_columns
from kinfolk.data.quality import quality_notes
from kinfolk.data.records import Records, Role
from kinfolk.data.roles import ABSENT_IMAGES, infer_roles
from kinfolk.data.source import Source
from kinfolk.data.sql import is_query, read_database, read_query
from kinfolk.data.wording import shortened
from kinfolk.errors import ConfigurationError, DataError

_NOT_TABLES = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
)
_OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

Columns = str | Sequence[str]


def read_records(
    source: object,
    *,
    id: str | None = None,
    text: Columns = (),
    number: Columns = (),
    date: Columns = (),
    category: Columns = (),
    image: Columns = (),
    ignore: Columns = (),
    name: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | int | None = None,
    query: str | None = None,
) -> Records:
    """Read a table and decide the role of each column.

    Args:
        source: the name of a file (delimited text, JSONL, JSON, also compressed with gzip, zstd, bzip2 or xz; Parquet,
            Excel, DuckDB, SQLite), a ``SELECT`` statement for DuckDB, an Arrow, pandas or polars table, a list of
            dicts, a dict of lists, or Records.
        id: the column that names the records; None looks for one.
        text: columns to compare as text; the role of a column that is named nowhere is inferred.
        number: columns to compare as numbers.
        date: columns to compare as dates.
        category: columns to compare as equal or not.
        image: columns that hold images: paths of files, bytes, or dicts of bytes and path.
        ignore: columns to leave out of every comparison.
        name: what to call the table in messages; None takes the file's name.
        delimiter: of a text file: one character, or "tab", "pipe" …; None detects it.
        encoding: of a text file, such as "cp1252"; None detects it.
        sheet: of a workbook: its name, or its place from 1.
        query: SQL to run on a database file.

    Returns:
        The records, with a note for everything that was repaired or is worth knowing.

    Raises:
        DataError: the source cannot be read.
        ConfigurationError: an option that does not fit the source, or a column that does not exist.
    """
    chosen = _chosen_roles(id=id, text=text, number=number, date=date, category=category, image=image, ignore=ignore)
    if isinstance(source, Records):
        changed = source.with_roles(chosen)
        return changed if name is None else replace(changed, name=name)
    label = name or _name_of(source)
    read = read_source(source, name=label, delimiter=delimiter, encoding=encoding, sheet=sheet, query=query)
    return make_records(read, label, chosen)


def make_records(read: Source, name: str, chosen: dict[str, Role]) -> Records:
    """Records from a table as read: the roles the user chose, the others inferred, and notes on what stands out."""
    require_columns(chosen, read.table.column_names, name)
    guesses = infer_roles(read.table, folder=read.folder)
    records = Records(read.table, {c: g.role for c, g in guesses.items()}, name, folder=read.folder).with_roles(chosen)
    notes = list(read.notes)
    if not read.table.num_columns:
        raise DataError(f"{name} has no columns: a table with named columns is needed.")
    if not len(records):
        notes.append(f"{name} has columns but no rows.")
    elif records.id_column is None:
        notes.append(row_number_note(name))
    absent = [c for c, guess in guesses.items() if guess == ABSENT_IMAGES and c not in chosen]
    notes += [
        f"{name} column '{shortened(c)}' names image files, most of which are not there; it is compared as text. "
        "Paths start at the folder of the table."
        for c in absent
    ]
    return records.with_notes(*notes, *id_notes(records), *quality_notes(records))


def read_source(
    source: object,
    *,
    name: str | None = None,
    delimiter: str | None = None,
    encoding: str | None = None,
    sheet: str | int | None = None,
    query: str | None = None,
) -> Source:
    """Read a table without giving roles; arguments as for ``read_records``."""
    label = name or _name_of(source)
    if isinstance(source, str) and is_query(source) and not _exists(source):
        return read_query(source)
    if isinstance(source, (str, os.PathLike)):
        path = Path(os.fspath(source))
        read = _read_file(path, label, delimiter, encoding, sheet, query)
        return replace(read, folder=path.absolute().parent) if path.is_file() else read
    return read_memory(source, label)


def _read_file(
    path: Path, name: str, delimiter: str | None, encoding: str | None, sheet: str | int | None, query: str | None
) -> Source:
    # a pipe can be read once, so it is read whole; of a file the first bytes tell what follows
    piped = None if path.is_file() else _read_bytes(path)
    head = _read_bytes(path, 16) if piped is None else piped[:16]
    if query is not None and not _is_database(path, head):
        raise ConfigurationError(
            f"query= is for DuckDB and SQLite files; {name} is neither. Leave it out, or give the query as the source."
        )
    if head.startswith(b"SQLite format 3\0"):
        return read_database(path, query, sqlite=True)
    if head[8:12] == b"DUCK":
        return read_database(path, query, sqlite=False)
    if head.startswith(b"PAR1") and piped is None:
        return _read_parquet(path, name)
    data = decompress(_read_bytes(path) if piped is None else piped, name)
    if not data:
        raise DataError(f"{name} is empty.")
    kind = next((k for magic, k in _NOT_TABLES if data.startswith(magic)), None)
    if kind:
        raise DataError(f"{name} is {kind}, not a table. Give a CSV, JSONL, Parquet or Excel file.")
    suffix = _suffix(path)
    if data.startswith(b"PAR1") or suffix in (".parquet", ".pq"):
        return _read_parquet(pa.BufferReader(data), name)
    if data.startswith(b"ARROW1") or suffix in (".arrow", ".feather"):
        return _read_arrow(data, name)
    if (
        data.startswith(b"PK\x03\x04")
        or data.startswith(_OLD_EXCEL)
        or suffix in (".xlsx", ".xls", ".xlsb", ".xlsm", ".ods")
    ):
        return read_excel(data, name, sheet=sheet)
    if sheet is not None:
        raise ConfigurationError(f"sheet= is for workbooks; {name} is none. Leave it out.")
    if suffix in (".jsonl", ".ndjson", ".json"):
        return read_json(data, name, encoding=encoding)
    if suffix in (".duckdb", ".sqlite", ".sqlite3", ".db"):
        raise DataError(
            f"{name} is neither a DuckDB nor a SQLite file, or it is damaged. Export the table as CSV or Parquet."
        )
    if delimiter is None and data.lstrip()[:1] in (b"{", b"["):  # JSON under another name
        with suppress(DataError):
            return read_json(data, name, encoding=encoding)
    return read_delimited(data, name, delimiter=delimiter, encoding=encoding)


def _read_bytes(path: Path, size: int = -1) -> bytes:
    if path.is_dir():
        raise DataError(f"{path} is a folder; the name of a file with a table is needed.")
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}. Check the name and the folder.") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"{path} cannot be read ({reason}).") from error


def _read_parquet(file: Path | pa.BufferReader, name: str) -> Source:
    import pyarrow.parquet as pq

    try:
        return flatten_table(pq.ParquetFile(file).read(), name)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{name} is not a whole Parquet file ({_first_line(error)}). It may be cut short: copy it again."
        ) from error


def _read_arrow(data: bytes, name: str) -> Source:
    import pyarrow.feather as feather

    try:
        return flatten_table(feather.read_table(pa.BufferReader(data)), name)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{name} is not a whole Arrow file ({_first_line(error)}). It may be cut short: copy it again."
        ) from error


def _chosen_roles(*, id: str | None, **columns: Columns) -> dict[str, Role]:
    roles: dict[str, Role] = {} if id is None else {id: "id"}
    for role, names in columns.items():
        for column in (names,) if isinstance(names, str) else names:
            if column in roles and roles[column] != role:
                raise ConfigurationError(
                    f"Column '{column}' can have one role, but is named for both {roles[column]} and {role}. "
                    "Choose one."
                )
            roles[column] = role  # type: ignore[assignment]
    return roles


def _name_of(source: object) -> str:
    if isinstance(source, str) and is_query(source) and not _exists(source):
        return "query"
    return Path(os.fspath(source)).name if isinstance(source, (str, os.PathLike)) else "records"


def _exists(source: str) -> bool:
    try:
        return Path(source).exists()
    except (OSError, ValueError):
        return False


def _is_database(path: Path, data: bytes) -> bool:
    return (
        data.startswith(b"SQLite format 3\0")
        or data[8:12] == b"DUCK"
        or _suffix(path) in (".duckdb", ".sqlite", ".sqlite3", ".db")
    )


def _suffix(path: Path) -> str:
    packed = {".gz", ".zst", ".zstd", ".bz2", ".xz"}
    return next((s.lower() for s in reversed(path.suffixes) if s.lower() not in packed), "")


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
