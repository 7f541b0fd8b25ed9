"""The rows of an index on disk, in a LanceDB table: each change is a version of its own, there whole or not at all.

A process that is killed while it writes leaves the last version as it was, and what it left half-written is never read. What
searching needs beside the rows, such as codes and graphs, lies in files that follow from a version (``array_files``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import DataError, MissingExtraError, RunError

try:
    import fcntl
except ImportError:  # Windows, where two processes must not change an index at the same moment
    fcntl = None  # type: ignore[assignment]

ROW, ID, VECTOR = "__row", "__id", "__vector"
"""Columns beside the attributes. The number of a row rises in the order in which rows came and is never given twice."""

_NAME, _ABOUT = "rows", b"kinfolk_index"
_LAST = 2**64 - 1  # Lance names the file of a version by what is missing to this, so that the newest comes first


def rows_table(
    numbers: npt.NDArray[np.int64], ids: pa.ChunkedArray, vectors: npt.NDArray[np.float32], attributes: pa.Table
) -> pa.Table:
    """Rows as they are kept.

    Raises:
        DataError: an attribute has the name of a column that is needed beside them.
    """
    taken = [name for name in attributes.column_names if name in (ROW, ID, VECTOR)]
    if taken:
        raise DataError(f"An index that is kept in a folder has a column {taken[0]} of its own. Rename the attribute.")
    cells = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    own = {ROW: pa.array(numbers), ID: ids, VECTOR: cells}
    return pa.table({**own, **dict(zip(attributes.column_names, attributes.columns, strict=True))})


class LanceRows:
    """A table of rows in a folder, and the version that this object has read or written last.

    Args:
        folder: of the index.
        version: that is known here. The table itself is opened when it is first needed.
    """

    def __init__(self, folder: str | Path, version: int) -> None:
        self.folder, self.version = Path(folder), version

    @classmethod
    def create(cls, folder: str | Path, rows: pa.Table, *, about: Mapping[str, object]) -> Self:
        """Write all rows, in place of those that are there.

        Args:
            folder: of the index; made where it is absent.
            rows: with the column ``ROW``, int64.
            about: what else is to be known of the rows, as JSON holds it.

        Raises:
            DataError: the folder cannot be written to.
            MissingExtraError: lancedb is not installed.
        """
        folder = Path(folder)
        described = rows.replace_schema_metadata({_ABOUT: json.dumps(dict(about))})
        mode = "overwrite" if (folder / f"{_NAME}.lance").is_dir() else "create"
        with _in_words(folder, "written"):
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder):
                return cls._of(folder, _database(folder).create_table(_NAME, described, mode=mode))

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """Open the newest version.

        Raises:
            DataError: the folder holds no rows of an index, or none that can be read.
            MissingExtraError: lancedb is not installed.
        """
        folder = Path(folder)
        if not (folder / f"{_NAME}.lance").is_dir():
            raise DataError(
                f"{folder} holds no index: there is no {_NAME}.lance. Give a folder that an index was saved to."
            )
        with _in_words(folder, "read"):
            return cls._of(folder, _database(folder).open_table(_NAME))

    @classmethod
    def _of(cls, folder: Path, table: Any) -> Self:
        rows = cls(folder, int(table.version))
        rows._table = table
        return rows

    @cached_property
    def _table(self) -> Any:
        with _in_words(self.folder, "read"):
            table = _database(self.folder).open_table(_NAME)
        self._require_known(int(table.version))
        return table

    def about(self) -> dict[str, Any]:
        """What was said of the rows when they were created.

        Raises:
            DataError: nothing was.
        """
        with _in_words(self.folder, "read"):
            said = (self._table.schema.metadata or {}).get(_ABOUT)
        if said is None:
            raise DataError(f"{self.folder} holds a table that is no index of kinfolk. Give another folder.")
        known: dict[str, Any] = json.loads(said)
        return known

    def read(self) -> pa.Table:
        """All rows of the version that is known here, in the order of ``ROW``.

        Raises:
            RunError: another process has changed the index before the table was first read.
            DataError: they cannot be read.
        """
        with _in_words(self.folder, "read"):
            return self._table.to_arrow().sort_by(ROW).replace_schema_metadata(None)

    def append(self, rows: pa.Table) -> None:
        """Add rows; when this returns they are on disk.

        Raises:
            RunError: another process has changed the index.
            DataError: they cannot be written.
        """
        with self._one_version():
            self._table.add(rows)

    def begin(self, rows: pa.Table) -> None:
        """Add rows where there are none, whose columns may be of other types than those that were awaited.

        Raises:
            RunError: another process has changed the index.
            DataError: they cannot be written.
        """
        described = rows.replace_schema_metadata({_ABOUT: json.dumps(self.about())})
        with self._one_version():
            self._table = _database(self.folder).create_table(_NAME, described, mode="overwrite")

    def remove(self, rows: Sequence[int]) -> None:
        """Remove rows by their numbers; when this returns they are gone from the disk's newest version.

        Raises:
            RunError: another process has changed the index.
            DataError: it cannot be written.
        """
        with self._one_version():
            self._table.delete(f"{ROW} IN ({', '.join(str(row) for row in rows)})")

    def replace(self, rows: pa.Table) -> None:
        """Write rows anew that are there, by their numbers.

        Raises:
            RunError: another process has changed the index.
            DataError: they cannot be written.
        """
        with self._one_version():
            self._table.merge_insert(ROW).when_matched_update_all().execute(rows)

    def tidy(self) -> None:
        """Join small files and drop versions of more than an hour ago: another process may be reading a younger one.

        Raises:
            DataError: the folder cannot be written to.
        """
        with self._one_version():
            self._table.optimize(cleanup_older_than=timedelta(hours=1))

    @contextmanager
    def _one_version(self) -> Iterator[None]:
        """Make one change to the version that is known here, with no other writer between the look and the change.

        LanceDB itself would let two processes add rows at the same moment, under the same numbers.
        """
        with _in_words(self.folder, "written"), _alone(self.folder):
            newest = newest_version(self.folder)
            if newest is not None:
                self._require_known(newest)
            yield
            self.version = int(self._table.version)

    def _require_known(self, newest: int) -> None:
        if newest != self.version:
            raise RunError(
                f"{self.folder} was changed by another process: version {newest} is there, this one knows {self.version}. "
                "Open the index again, then repeat the change."
            )


def newest_version(folder: str | Path) -> int | None:
    """The newest version of the rows in a folder, without LanceDB, whose import takes a second.

    Returns:
        None where the names of the files do not tell, as in a folder that another LanceDB has written.
    """
    found = []
    for file in (Path(folder) / f"{_NAME}.lance" / "_versions").glob("*.manifest"):
        if not (len(file.stem) == 20 and file.stem.isdecimal()):
            return None
        found.append(_LAST - int(file.stem))
    return max(found, default=None)


def _database(folder: Path) -> Any:
    if find_spec("lancedb") is None:
        raise MissingExtraError("Keeping an index in a folder", "search")
    import lancedb

    return lancedb.connect(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process changes the rows, and keep others waiting; the lock of a process that is killed is gone with it."""
    with (folder / f"{_NAME}.lock").open("ab") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _in_words(folder: Path, what: str) -> Iterator[None]:
    """Say an error of the store in a sentence; it raises RuntimeError for whatever happens below Python."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, DataError | RunError | MissingExtraError):
            raise
        said = next(iter(str(error).splitlines()), type(error).__name__).partition(", /")[
            0
        ]  # else with places in its source
        raise DataError(
            f"The rows of the index in {folder} cannot be {what} ({said[:200]}). {_advice(said, what)}"
        ) from error


def _advice(said: str, what: str) -> str:
    """What to do about an error of the store."""
    if "LanceError(Schema)" in said or "reserved name" in said:
        return "Rename that column."
    if what == "written":
        return "Free some space, choose another folder, or build the index again."
    return "Build the index again, or take another copy of the folder."
