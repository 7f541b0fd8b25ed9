"""Reading the files of a task: which file of a folder, which column, which row, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kinfolk.data import Records, read_records
from kinfolk.data.names import require_columns
from kinfolk.data.wording import listed, rows_in_words
from kinfolk.errors import ConfigurationError, DataError

_TABLES = {".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".pq", ".arrow", ".feather", ".xlsx"}
_PACKED = {".gz", ".zst", ".zstd", ".bz2", ".xz"}
_MAIN_TEXTS = ("title", "abstract", "text", "body")
ALL = "all"


def stem_of(file: Path) -> str:
    """The name of a file without the endings of its format and of compression: ``docs`` of ``docs.csv.gz``."""
    name = file.name
    while Path(name).suffix.lower() in {*_TABLES, *_PACKED, ".txt"}:
        name = Path(name).stem
    return name


def tables_in(folder: Path) -> list[Path]:
    """The tables in a folder, by name.

    Raises:
        DataError: there is none.
    """
    found = sorted(
        file for file in folder.iterdir() if file.is_file() and not file.name.startswith(".") and _is_table(file)
    )
    if not found:
        raise DataError(
            f"{folder} holds no table. Its files must end in one of {', '.join(sorted(_TABLES))}, also compressed."
        )
    return found


def table_named(folder: Path, *names: str) -> Path | None:
    """The one table of a folder that has one of these names, whatever its ending; None where there is none.

    Args:
        folder: where.
        names: without endings.

    Raises:
        DataError: several have.
    """
    found = [file for file in tables_in(folder) if stem_of(file) in names]
    if len(found) > 1:
        raise DataError(
            f"{folder} must hold one table named {' or '.join(names)}. It holds "
            f"{listed([file.name for file in found])}. Remove all but one."
        )
    return found[0] if found else None


def required_table(folder: Path, *names: str) -> Path:
    """The table of a folder that has one of these names.

    Raises:
        DataError: none has, or several have.
    """
    found = table_named(folder, *names)
    if found is None:
        raise DataError(
            f"{folder} must hold a table named {' or '.join(names)} (.csv, .jsonl, .parquet …). "
            f"It holds {listed([file.name for file in tables_in(folder)])}. Rename one."
        )
    return found


def read_task_table(source: object) -> Records:
    """Read a table that has rows.

    Raises:
        DataError: it cannot be read, or has none.
    """
    records = read_records(source)
    if not len(records):
        raise DataError(f"{records.name} has no rows. Give a table with rows.")
    return records


def column_named(records: Records, *names: str) -> str:
    """The first of these columns that a table has.

    Raises:
        ConfigurationError: it has none; the sentence says which there are.
    """
    for name in names:
        if name in records.roles:
            return name
    columns = records.table.column_names
    require_columns(names[:1], columns, records.name)
    return names[0]


def filled_texts(records: Records, column: str) -> list[str]:
    """The texts of a column, none of which may be blank.

    Raises:
        DataError: some are; the sentence names the rows.
    """
    values = records.texts(column)
    blank = [row for row, value in enumerate(values) if not value.strip()]
    if blank:
        raise DataError(
            f"{records.name}, column {column}: a value is needed in each row, and there is none in "
            f"{_source_rows(records, blank)}. Fill it in, or remove the row."
        )
    return values


def finite_numbers(records: Records, column: str) -> npt.NDArray[np.float64]:
    """The numbers of a column, one in each row.

    Raises:
        DataError: a row has none; the sentence names the row and what stands there.
    """
    values = records.with_roles({column: "number"}).numbers(column)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        given = records.texts(column)[bad[0]]
        raise DataError(
            f"{records.name}, column {column}, {_source_rows(records, bad[:1].tolist())}: a number is needed. Got {given!r} "
            f"(in {len(bad):,} of {len(values):,} rows there is none). Correct them, or remove the rows."
        )
    return values


def two_text_columns(records: Records, columns: Sequence[str], reserved: Sequence[str]) -> tuple[str, str]:
    """The columns of the two texts of a pair: the ones named, sentence1 and sentence2, or the only two there are.

    Args:
        records: the table.
        columns: named by the user, or none.
        reserved: columns that hold something else.

    Raises:
        ConfigurationError: they cannot be told.
    """
    if columns:
        require_columns(columns, records.table.column_names, records.name)
        chosen: Sequence[str] = columns
    elif "sentence1" in records.roles and "sentence2" in records.roles:
        return "sentence1", "sentence2"
    else:
        chosen = [name for name in records.table.column_names if name not in reserved]
    if len(chosen) != 2:
        raise ConfigurationError(
            f"{records.name}: two columns of texts are needed, sentence1 and sentence2, or two that are named. "
            f"Got {listed(chosen) if chosen else 'none'}; it has {', '.join(records.table.column_names)}. Name two."
        )
    return chosen[0], chosen[1]


def joined_texts(records: Records, columns: Sequence[str], reserved: Sequence[str]) -> list[str]:
    """One text a row: its values, blank ones left out, with a space between.

    Args:
        records: the table.
        columns: named by the user; none takes title, abstract, text and body, or all but the reserved where there is none.
        reserved: columns that hold something else.

    Raises:
        ConfigurationError: a named column does not exist, or no column is left.
    """
    require_columns(columns, records.table.column_names, records.name)
    names = list(columns) or [name for name in records.table.column_names if name in _MAIN_TEXTS]
    names = names or [name for name in records.table.column_names if name not in reserved]
    if not names:
        raise ConfigurationError(
            f"{records.name} has no column of texts: its columns are {', '.join(records.table.column_names)}. Add one."
        )
    values = [[value.strip() for value in records.texts(name)] for name in names]
    return [" ".join(filter(None, row)) for row in zip(*values, strict=True)]


def rows_of_split(records: Records, split: str | None, *, default: str = "test") -> tuple[Records, str | None]:
    """The rows of a split, and a sentence that says so.

    Args:
        records: a table; with a column ``split`` where it holds several.
        split: which one, or "all"; None takes the default where there is one, else all rows.
        default: the split that is taken unless told otherwise.

    Raises:
        ConfigurationError: there is no such split.
    """
    if "split" not in records.roles:
        if split not in (None, ALL):
            raise ConfigurationError(
                f"{records.name} has no column 'split', so there is no split {split!r}. Leave it out."
            )
        return records, None
    named = np.array(records.texts("split"))
    wanted = split if split is not None else default if (named == default).any() else ALL
    if wanted == ALL:
        return records, None
    rows = np.flatnonzero(named == wanted)
    if not len(rows):
        raise ConfigurationError(
            f"{records.name} has no rows of the split {wanted!r}. Its splits: {', '.join(sorted(set(named.tolist())))}."
        )
    return records.take(rows), f"{records.name}: the {len(rows):,} rows of the split {wanted!r} of {len(named):,}."


def binary_labels(records: Records, column: str) -> npt.NDArray[np.bool_]:
    """Labels that are 1 or 0.

    Raises:
        DataError: one is something else.
    """
    values = finite_numbers(records, column)
    bad = np.flatnonzero((values != 0) & (values != 1))
    if len(bad):
        raise DataError(
            f"{records.name}, column {column}, {_source_rows(records, bad[:1].tolist())}: a label must be 1 or 0. "
            f"Got {values[bad[0]]:g}. Correct it."
        )
    return np.asarray(values == 1)


def _source_rows(records: Records, rows: Sequence[int]) -> str:
    numbers = records.row_numbers
    given = [int(numbers[row].as_py()) - 1 for row in rows] if numbers is not None else list(rows)
    return rows_in_words(given)


def _is_table(file: Path) -> bool:
    endings = [ending.lower() for ending in file.suffixes]
    while endings and endings[-1] in _PACKED:
        endings.pop()
    return bool(endings) and endings[-1] in _TABLES
