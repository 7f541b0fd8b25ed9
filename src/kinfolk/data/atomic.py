"""Files that are either whole or absent: written aside, flushed to disk, then renamed."""

from __future__ import annotations

import errno
import os
import platform
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

import pyarrow as pa

from kinfolk.errors import ConfigurationError, DataError

_SUFFIXES = (".parquet", ".csv", ".tsv", ".jsonl")

_OF_THE_PLACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS})


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its place when the block ends well, and vanishes when it fails.

    Args:
        path: the file to write; its folder is made if absent.

    Yields:
        Where to write. It has the suffix of ``path``, so writers that look at the name behave.

    Raises:
        DataError: the file cannot be written there.
    """
    path = Path(path)
    temporary = _beside(path)
    try:
        with _in_words(path):
            temporary.touch(exist_ok=False)
        # An error of the writing block is the block's own, unless it is of the place.
        with _in_words(path, _OF_THE_PLACE):
            yield temporary
        with _in_words(path):
            _settle(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_place(path: str | Path, *, inputs: Sequence[object] = ()) -> None:
    """Raise before any work what writing a file would raise after it.

    Args:
        path: the file that will be written; its folder is made if absent.
        inputs: sources that will be read; those that are file names must be other files.

    Raises:
        DataError: the file cannot be written there.
        ConfigurationError: it is one of the inputs.
    """
    path = Path(path)
    for source in inputs:
        # os.path.exists never raises: a source may be a statement longer than any file name.
        there = isinstance(source, str | Path) and os.path.exists(path) and os.path.exists(source)  # noqa: PTH110
        if there and path.samefile(str(source)):
            raise ConfigurationError(
                f"{path} is an input and would be overwritten. Choose another name for the result."
            )
    temporary = _beside(path)
    try:
        with _in_words(path):
            temporary.touch(exist_ok=False)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_table_place(path: str | Path, *, inputs: Sequence[object] = ()) -> None:
    """As ``check_place``, for a file that ``write_table`` will write: its name must end in a known way too."""
    _known_suffix(path)
    check_place(path, inputs=inputs)


def write_table(table: pa.Table, path: str | Path) -> None:
    """Write a table atomically in the format its name asks for.

    Args:
        table: any table; for ``.csv``, ``.tsv`` and ``.jsonl`` nested values are written as JSON text.
        path: ends in ``.parquet``, ``.csv``, ``.tsv`` or ``.jsonl``.

    Raises:
        ConfigurationError: another ending.
        DataError: the file cannot be written.
    """
    suffix = _known_suffix(path)
    with atomic_write(path) as temporary:
        if suffix == ".parquet":
            import pyarrow.parquet as pq

            with temporary.open("wb") as file:  # Arrow itself cannot open names that are no text
                pq.write_table(table, file, compression="zstd")
        elif suffix == ".jsonl":
            _write_jsonl(table, temporary)
        else:
            _write_delimited(table, temporary, "\t" if suffix == ".tsv" else ",")


def read_table(path: str | Path) -> pa.Table:
    """Read a table that ``write_table`` wrote; ``.csv`` and ``.tsv`` columns come back as text.

    Raises:
        ConfigurationError: the name ends in none of the known ways.
        DataError: the file is absent or broken.
    """
    _known_suffix(path)
    from kinfolk.data.readers import read_source

    return read_source(Path(path)).table


def _beside(path: Path) -> Path:
    """A name for what will become ``path``, in a folder that is there, without what killed writers of it left behind."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"Cannot write {path}: the folder cannot be made ({error.strerror}). Choose another place."
        ) from error
    if path.is_dir():
        raise DataError(f"Cannot write {path}: it is a folder. Give the name of a file.")
    machine = "".join(c for c in platform.node() if c.isalnum())[:30]
    start, end = f".{path.stem[:100]}.{machine}-", f".part{path.suffix}"
    for remains in path.parent.glob(f"{escape(start)}*{escape(end)}"):
        pid = remains.name.removeprefix(start).partition("-")[0]
        if pid.isdecimal() and not _is_running(int(pid)):
            with suppress(OSError):
                remains.unlink(missing_ok=True)
    return path.with_name(f"{start}{os.getpid()}-{secrets.token_hex(4)}{end}")


def _is_running(pid: int) -> bool:
    """Whether a process of this machine may still be writing; where that cannot be asked, it may."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _known_suffix(path: str | Path) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in _SUFFIXES:
        raise ConfigurationError(
            f"The name of a result must end in {', '.join(_SUFFIXES[:-1])} or {_SUFFIXES[-1]}. Got '{Path(path).name}'."
        )
    return suffix


def _write_delimited(table: pa.Table, path: Path, delimiter: str) -> None:
    import csv

    # Python's writer quotes only what needs it; Arrow's quotes every text, which people then see in their spreadsheets.
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        plain = csv.writer(file, delimiter=delimiter, lineterminator="\n")
        # before Python 3.13 the writer leaves a cell with a lone carriage return bare, and readers then split it
        quoted = csv.writer(file, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
        plain.writerow(table.column_names)
        for batch in table.to_batches(max_chunksize=50_000):
            columns = [_plain_values(batch.column(i)) for i in range(batch.num_columns)]
            returns = any("\r" in value for column in columns for value in column if isinstance(value, str))
            (quoted if returns else plain).writerows(zip(*columns, strict=True))


def _plain_values(column: pa.Array) -> list[object]:
    from kinfolk.data.text import as_text

    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_string(kind):
        values: list[object] = column.to_pylist()
        return values
    texts: list[object] = as_text(pa.chunked_array([column])).to_pylist()
    return texts


def _write_jsonl(table: pa.Table, path: Path) -> None:
    import json

    from kinfolk.data.text import value_as_text

    with path.open("w", encoding="utf-8") as file:
        for batch in table.to_batches(max_chunksize=10_000):
            for row in batch.to_pylist():
                file.write(json.dumps(row, ensure_ascii=False, default=value_as_text) + "\n")


def _settle(temporary: Path, path: Path) -> None:
    _flush(temporary)
    temporary.replace(path)
    _flush(path.parent)


@contextmanager
def _in_words(path: Path, numbers: frozenset[int] | None = None) -> Iterator[None]:
    """Say errors of the system in a sentence: all of them, or those with these numbers."""
    try:
        yield
    except OSError as error:
        if numbers is not None and error.errno not in numbers:
            raise
        # Some writers put a page of words where the system has a few, and give them no number.
        said = os.strerror(error.errno) if error.errno else error.strerror or str(error)
        raise DataError(f"Cannot write {path}: {said}. Choose another place or free some space.") from error


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
