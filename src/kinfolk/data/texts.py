"""Texts to learn from: one of each item, or several that belong together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
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
        labels: int64 (items,), the place of each label in ``label_names``, -1 where an item has none; None where no labels were
            asked for.
        label_names: every label once, sorted.
        notes: what was left out, in sentences.
        groups: int64 (items,): texts of one number are no negatives of each other, -1 for an item without; None where no groups
            were asked for.
        corpora: int64 (items,), the place of the corpus of each in ``corpus_names``; None where no corpora were asked for.
        corpus_names: every corpus once, sorted.
    """

    columns: tuple[tuple[str, ...], ...]
    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64] | None = None
    label_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    groups: npt.NDArray[np.int64] | None = None
    corpora: npt.NDArray[np.int64] | None = None
    corpus_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def texts(self) -> tuple[str, ...]:
        """The first text of each item."""
        return self.columns[0]

    @property
    def named_labels(self) -> tuple[str, ...] | None:
        """The label of each item, "" where it has none; None where no labels were asked for."""
        if self.labels is None:
            return None
        return tuple(self.label_names[at] if at >= 0 else "" for at in self.labels)

    def take(self, rows: npt.NDArray[np.int64], *, notes: tuple[str, ...] = ()) -> Texts:
        """Some of the items, in the order that is given.

        Args:
            rows: places of items, from 0.
            notes: sentences to add.
        """
        return replace(
            self,
            columns=tuple(tuple(column[row] for row in rows) for column in self.columns),
            rows=self.rows[rows],
            labels=None if self.labels is None else self.labels[rows],
            groups=None if self.groups is None else self.groups[rows],
            corpora=None if self.corpora is None else self.corpora[rows],
            notes=self.notes + notes,
        )

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
    blank_labels: bool = False,
    group: str | None = None,
    corpus: str | None = None,
) -> Texts:
    """Read texts.

    Args:
        source: a file of lines (.txt, also compressed), a list of strings, or any table (see ``read_records``).
        column: the column of a table with the texts; None takes the only column of text.
        positive: the column with a text that belongs to each.
        negative: the column with a text that seems to belong to each, and does not; needs ``positive``.
        label: the column with the label of each.
        blank_labels: whether rows may be without one.
        group: the column with what texts have in common that are no negatives of each other; it may be empty.
        corpus: the column with the corpus, such as language or domain, of each.

    Raises:
        DataError: the source cannot be read, holds no text, or a row has no label and should have one, or no corpus.
        ConfigurationError: a column that does not exist, or options that do not fit the source.
    """
    if negative is not None and positive is None:
        raise ConfigurationError("negative needs positive: a hard negative stands beside what belongs together.")
    given = {
        "column": column, "positive": positive, "negative": negative, "label": label, "group": group, "corpus": corpus,
    }  # fmt: skip
    lines = _lines_of(source)
    if lines is not None:
        named = [option for option, value in given.items() if value is not None]
        if named:
            raise ConfigurationError(f"{listed(named)} name columns of a table, and the data are lines. Give a table.")
        return _without_blank(lines)
    records = read_records(source)
    chosen = [_only_text(records) if column is None else column, *(name for name in (positive, negative) if name)]
    labels, label_names = _named(records, label, "label", blank=blank_labels)
    corpora, corpus_names = _named(records, corpus, "corpus")
    return _without_blank(
        Texts(
            tuple(tuple(records.texts(name)) for name in chosen),
            np.arange(len(records)),
            labels,
            label_names,
            groups=None if group is None else numbered(records.texts(group)),
            corpora=corpora,
            corpus_names=corpus_names,
        )
    )


def numbered(values: Sequence[Hashable | None]) -> npt.NDArray[np.int64]:
    """The same number from 0 for the same value, in the order of first appearance, -1 for None and ""; int64 (values,)."""
    known: dict[Hashable, int] = {}
    numbers = (-1 if value is None or value == "" else known.setdefault(value, len(known)) for value in values)
    return np.fromiter(numbers, np.int64, count=len(values))


def _named(
    records: Records, column: str | None, what: str, *, blank: bool = False
) -> tuple[npt.NDArray[np.int64] | None, tuple[str, ...]]:
    """The place of each value of a column among its sorted names, and these; None and none where no column is asked for.

    Where rows may be blank, the place of such a row is -1.

    Raises:
        DataError: a row has none and should have one.
    """
    if column is None:
        return None, ()
    values = records.texts(column)
    missing = [row for row, value in enumerate(values) if not value.strip()]
    if missing and not blank:
        raise DataError(
            f"{records.name}, column {column}, row {missing[0] + 1}: a {what} is needed, and there is none ({len(missing):,} rows "
            "have none). Leave these rows out, or fill them in."
        )
    names = tuple(sorted({value for value in values if value.strip()}))
    place = {name: at for at, name in enumerate(names)}
    return np.array([place.get(value, -1) for value in values], np.int64), names


def holds_lines(path: Path) -> bool:
    """Whether the name of a file says that it holds a text a line, and no table."""
    ending = Path(path.stem).suffix if path.suffix in _PACKED else path.suffix
    return ending.lower() in _LINES


def no_text_note(num_rows: int) -> tuple[str, ...]:
    """What is said of so many rows without text."""
    return (f"{num_rows:,} rows hold no text; they were left out.",) if num_rows else ()


def no_text_error(num_rows: int) -> DataError:
    """What is said where none of so many rows has a text."""
    return DataError(f"There is no text in the {num_rows:,} rows. Check the file and the column.")


def _lines_of(source: object) -> Texts | None:
    """The lines of a file of lines, or the strings of a list; None for a table."""
    if isinstance(source, str | Path):
        path = Path(source)
        if not holds_lines(path):
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
        raise no_text_error(len(texts))
    return texts.take(filled, notes=no_text_note(len(texts) - len(filled)))
