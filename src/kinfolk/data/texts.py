"""Texts to learn from: one of each item, or several that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kinfolk.data.encoding import decode, decompress
from kinfolk.data.readers import read_records
from kinfolk.data.records import Records
from kinfolk.data.wording import listed, reason_of
from kinfolk.errors import ConfigurationError, DataError

_LINES = (".txt", ".text")
_PACKED = (".gz", ".zst", ".bz2", ".xz")


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts of items, in the order of their source; an item without its first text is left out.

    Attributes:
        columns: what belongs together: the text of each item, and where they are given a positive and a hard negative
            of it ("" where an item has none); all of one length.
        rows: of the source, from 0, int64 (items,).
        labels: int64 (items,), the place of each label in ``label_names``; None where no labels were asked for.
        label_names: every label once, sorted.
        notes: what was left out, in sentences.
    """

    columns: tuple[tuple[str, ...], ...]
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64] | None = None
    label_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def texts(self) -> tuple[str, ...]:
        """The first text of each item."""
        return self.columns[0]

    def take(self, rows: npt.NDArray[np.int64], *, notes: tuple[str, ...] = ()) -> Texts:
        """Some of the items, in the order that is given.

        Args:
            rows: places of items, from 0.
            notes: sentences to add.
        """
        columns = tuple(tuple(column[row] for row in rows) for column in self.columns)
        labels = None if self.labels is None else self.labels[rows]
        return Texts(columns, self.rows[rows], labels, self.label_names, self.notes + notes)

    def complete(self) -> Texts:
        """The items that have all their texts.

        Raises:
            DataError: none has.
        """
        whole = np.array([all(values) for values in zip(*self.columns, strict=True)], np.bool_)
        if whole.all():
            return self
        if not whole.any():
            raise DataError(f"No item has all {len(self.columns)} texts. Check the columns that were named.")
        note = f"{(~whole).sum():,} items lack one of their {len(self.columns)} texts; they were left out."
        return self.take(np.flatnonzero(whole), notes=(note,))


def read_texts(
    source: object,
    *,
    column: str | None = None,
    positive: str | None = None,
    negative: str | None = None,
    label: str | None = None,
) -> Texts:
    """Read texts.

    Args:
        source: a file of lines (.txt, also compressed), a list of strings, or any table (see ``read_records``).
        column: the column of a table with the texts; None takes the only column of text.
        positive: the column with a text that belongs to each.
        negative: the column with a text that seems to belong to each, and does not; needs ``positive``.
        label: the column with the label of each.

    Raises:
        DataError: the source cannot be read, holds no text, or a row has no label.
        ConfigurationError: a column that does not exist, or options that do not fit the source.
    """
    if negative is not None and positive is None:
        raise ConfigurationError("negative needs positive: a hard negative stands beside what belongs together.")
    given = {"column": column, "positive": positive, "negative": negative, "label": label}
    lines = _lines_of(source)
    if lines is not None:
        named = [option for option, value in given.items() if value is not None]
        if named:
            raise ConfigurationError(f"{listed(named)} name columns of a table, and the data are lines. Give a table.")
        return _without_blank(lines)
    records = read_records(source)
    chosen = [_only_text(records) if column is None else column, *(name for name in (positive, negative) if name)]
    texts = Texts(tuple(tuple(records.texts(name)) for name in chosen), np.arange(len(records)))
    if label is None:
        return _without_blank(texts)
    values = records.texts(label)
    missing = [row for row, value in enumerate(values) if not value.strip()]
    if missing:
        raise DataError(
            f"{records.name}, column {label}, row {missing[0] + 1}: a label is needed, and there is none ({len(missing):,} rows "
            "have none). Leave these rows out, or fill them in."
        )
    names = tuple(sorted(set(values)))
    place = {name: at for at, name in enumerate(names)}
    return _without_blank(
        Texts(texts.columns, texts.rows, np.array([place[value] for value in values], np.int64), names)
    )


def _lines_of(source: object) -> Texts | None:
    """The lines of a file of lines, or the strings of a list; None for a table."""
    if isinstance(source, str | Path):
        path = Path(source)
        ending = Path(path.stem).suffix if path.suffix in _PACKED else path.suffix
        if ending.lower() not in _LINES:
            return None
        try:
            packed = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path} cannot be read ({reason_of(error)}). Give the name of a file of texts.") from error
        decoded = decode(decompress(packed, path.name), path.name)
        lines = decoded.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        lines = lines[:-1] if lines[-1] == "" else lines  # what ends the last line begins no other
        return Texts((tuple(lines),), np.arange(len(lines)), notes=decoded.notes)
    if isinstance(source, Sequence) and source and all(isinstance(text, str) for text in source):
        return Texts((tuple(source),), np.arange(len(source)))
    return None


def _only_text(records: Records) -> str:
    columns = records.fields("text")
    if len(columns) != 1:
        has = listed(columns) if columns else "none"
        raise ConfigurationError(
            f"{records.name}: say which column holds the texts (column). Columns of text: {has}. All: {', '.join(records.roles)}."
        )
    return columns[0]


def _without_blank(texts: Texts) -> Texts:
    """The items that have a first text.

    Raises:
        DataError: none has.
    """
    filled = np.flatnonzero([bool(text.strip()) for text in texts.texts])
    if not len(filled):
        raise DataError(f"There is no text in the {len(texts):,} rows. Check the file and the column.")
    lost = len(texts) - len(filled)
    return texts.take(filled, notes=(f"{lost:,} rows hold no text; they were left out.",) if lost else ())
