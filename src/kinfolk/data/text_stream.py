"""Texts that need not fit into memory: lines and a column of Parquet are read a few at a time, and as often as needed.

Other tables, and lines that are not plain UTF-8, are read whole first, as everywhere else: only the whole tells their encoding or
their shape.
"""

from __future__ import annotations

import hashlib
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from io import TextIOWrapper
from pathlib import Path

import pyarrow as pa

from kinfolk.data.encoding import open_unpacked
from kinfolk.data.text import as_text, is_string
from kinfolk.data.texts import holds_lines, no_text_error, no_text_note, read_texts

_UNREADABLE = (UnicodeDecodeError, EOFError, OSError, zlib.error, lzma.LZMAError)
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True)
class TextChunk:
    """Neighboring texts of a source: their rows, from 0, and what they say."""

    rows: tuple[int, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class TextStream:
    """Texts of a source that are read again and again, in its order; rows without text are left out.

    Attributes:
        read: begins anew and gives the text of each row, blank where there is none.
        num_texts: how many there are.
        fingerprint: of all rows and texts.
        notes: what was repaired or left out, in sentences.
    """

    read: Callable[[], Iterator[str]]
    num_texts: int
    fingerprint: str
    notes: tuple[str, ...] = ()

    def chunks(self, *, most_texts: int, most_characters: int) -> Iterator[TextChunk]:
        """Cut the texts into chunks, the same ones each time.

        Args:
            most_texts: of a chunk.
            most_characters: of a chunk; a longer text is a chunk of its own.
        """
        rows: list[int] = []
        texts: list[str] = []
        characters = 0
        for row, text in enumerate(self.read()):
            if not text or text.isspace():
                continue
            characters += len(text)
            if texts and (len(texts) == most_texts or characters > most_characters):
                yield TextChunk(tuple(rows), tuple(texts))
                rows, texts, characters = [], [], len(text)
            rows.append(row)
            texts.append(text)
        if texts:
            yield TextChunk(tuple(rows), tuple(texts))


def open_text_stream(source: object, *, column: str | None = None) -> TextStream:
    """Read all texts once, to count and to fingerprint them, and keep none where that can be helped.

    Args:
        source: see ``read_texts``.
        column: the column of a table with the texts; None takes the only column of text.

    Raises:
        DataError: the source cannot be read, or holds no text.
        ConfigurationError: a column that does not exist, or that has to be named.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        if holds_lines(path):
            if column is None and _is_plain(path):
                return _scanned(partial(_lines, path))
        elif (found := _column_of_parquet(path, column)) is not None:
            return _scanned(partial(_values, path, found))
    held = read_texts(source, column=column)
    by_row = [""] * (int(held.rows[-1]) + 1)
    for row, text in zip(held.rows.tolist(), held.texts, strict=True):
        by_row[row] = text
    return replace(_scanned(by_row.__iter__), notes=held.notes)


def _scanned(read: Callable[[], Iterator[str]]) -> TextStream:
    digest = hashlib.blake2b(digest_size=16)
    num_rows, num_texts = 0, 0
    for text in read():
        encoded = text.encode("utf-8", "surrogatepass")
        digest.update(b"%d " % len(encoded))
        digest.update(encoded)
        num_rows += 1
        num_texts += bool(text) and not text.isspace()
    if not num_texts:
        raise no_text_error(num_rows)
    return TextStream(read, num_texts, digest.hexdigest(), no_text_note(num_rows - num_texts))


def _lines(path: Path) -> Iterator[str]:
    with open_unpacked(path) as unpacked, TextIOWrapper(unpacked, "utf-8-sig") as lines:
        for line in lines:
            yield line.removesuffix("\n")


def _is_plain(path: Path) -> bool:
    """Whether a file of lines is UTF-8 and reading it whole would change nothing in it.

    What cannot be read is not plain either: reading it whole says in words what is wrong.
    """
    try:
        return not any("\0" in text or "\x1b" in text for text in _lines(path))
    except _UNREADABLE:
        return False


def _column_of_parquet(path: Path, column: str | None) -> str | None:
    """The column of text that can be read by itself, if the file is such a table and there is no doubt which column it is."""
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            if file.read(4) != b"PAR1":
                return None
            schema = pq.read_schema(file)
    except (OSError, ValueError, pa.ArrowException):
        return None
    texts = [field.name for field in schema if is_string(field.type)]
    if column is None:
        return texts[0] if len(texts) == 1 else None
    return column if texts.count(column) == 1 else None


def _values(path: Path, column: str) -> Iterator[str]:
    import pyarrow.parquet as pq

    with path.open("rb") as file, pq.ParquetFile(file) as table:
        for batch in table.iter_batches(_ROWS_AT_ONCE, columns=[column]):
            for text in as_text(pa.chunked_array([batch.column(0)])).to_pylist():
                yield text or ""
