"""Records: a table, and the role each of its columns plays."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.data.dates import Order, parse_dates
from kinfolk.data.fingerprint import hash_column
from kinfolk.data.names import require_columns
from kinfolk.data.numbers import decimal_mark, parse_numbers
from kinfolk.data.text import as_text, is_string, one_array
from kinfolk.errors import ConfigurationError, DataError

Role = Literal["id", "text", "number", "date", "category", "image", "audio", "ignore"]
ROLES: tuple[Role, ...] = get_args(Role)
_MARKS = {"number": (".", ","), "date": get_args(Order)}


@dataclass(frozen=True, eq=False)
class Records:
    """A table whose columns have roles; it never changes, and every method returns something new.

    Attributes:
        table: all columns as given (columns of a CSV stay text, typed sources keep their types).
        roles: one role for every column of the table; at most one is "id".
        name: what people call this table: the file's name, or "records".
        notes: sentences about what the reader saw or repaired, meant to be shown.
        row_numbers: the row of the source (from 1) each record came from; None when all rows are there in order.
        conventions: column -> how its values are read where they can be read in two ways: "." or "," for the decimal
            mark of a number, "day first" or "month first" for a date. Decided once on the whole column, so that a
            selection of rows reads the same.
        folder: where relative paths in it start: the folder of its file; None for the working directory.
    """

    table: pa.Table
    roles: Mapping[str, Role]
    name: str = "records"
    notes: tuple[str, ...] = ()
    row_numbers: pa.Array | None = None
    conventions: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None

    def __post_init__(self) -> None:
        columns = self.table.column_names
        if len(set(columns)) != len(columns):
            twice = next(c for c in columns if columns.count(c) > 1)
            raise DataError(
                f"{self.name}: every column needs a name of its own, but '{twice}' occurs more than once. Rename one."
            )
        require_columns(self.roles, columns, self.name)
        missing = [c for c in columns if c not in self.roles]
        if missing:
            raise ConfigurationError(f"{self.name}: every column needs a role, but '{missing[0]}' has none.")
        for column, role in self.roles.items():
            if role not in ROLES:
                raise ConfigurationError(
                    f"The role of column '{column}' must be one of {', '.join(ROLES)}. Got {role!r}."
                )
        ids = [c for c in columns if self.roles[c] == "id"]
        if len(ids) > 1:
            raise ConfigurationError(
                f"{self.name}: one column can be the id, but {ids[0]!r} and {ids[1]!r} both are. Choose one."
            )
        object.__setattr__(self, "roles", {c: self.roles[c] for c in columns})
        object.__setattr__(self, "conventions", _conventions(self.table, self.roles, self.conventions))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        roles = ", ".join(f"{c}: {r}" for c, r in self.roles.items())
        return f"Records('{self.name}', {len(self):,} rows, {roles})"

    @property
    def id_column(self) -> str | None:
        """The column that names the records, if there is one."""
        return next((c for c, role in self.roles.items() if role == "id"), None)

    @property
    def ids(self) -> pa.Array:
        """The ids as given; without an id column the row numbers of the source, from 1, as int64."""
        column = self.id_column
        if column is not None:
            return one_array(self.table.column(column))
        if self.row_numbers is not None:
            return self.row_numbers
        return pa.array(np.arange(1, len(self) + 1, dtype=np.int64))

    def fields(self, *roles: Role) -> tuple[str, ...]:
        """Names of the columns that have one of these roles, in table order."""
        for role in roles:
            if role not in ROLES:
                raise ConfigurationError(f"A role must be one of {', '.join(ROLES)}. Got {role!r}.")
        return tuple(c for c, role in self.roles.items() if role in roles)

    def texts(self, field: str) -> list[str]:
        """The values of a column as a person would write them; "" where missing.

        Args:
            field: a column name.

        Returns:
            One string a row. 1999.0 is "1999", also in a column of text that holds numbers; dates are ISO.

        Raises:
            ConfigurationError: no such column.
        """
        text = as_text(self._column(field), drop_point_zero=self.roles[field] == "number")
        return [value or "" for value in text.to_pylist()]

    def numbers(self, field: str) -> npt.NDArray[np.float64]:
        """The values of a column as float64, NaN where missing or unreadable ("$1,299.00" is 1299, "8.10 %" is 8.1)."""
        values = self._column(field)
        return parse_numbers(
            values, decimal=self.conventions.get(field) if self.roles[field] == "number" else None
        ).values

    def dates(self, field: str) -> npt.NDArray[np.float64]:
        """The values of a column as days since 1970-01-01 in float64, NaN where missing or unreadable."""
        return parse_dates(self._column(field), order=self.date_order(field)).values

    def date_order(self, field: str) -> Order | None:
        """How "3/4/2001" is read in a column: day or month first; None for columns that are not dates in text."""
        found = self.conventions.get(field) if self.roles.get(field) == "date" else None
        return "day first" if found == "day first" else "month first" if found == "month first" else None

    def take(self, rows: slice | Sequence[int] | npt.NDArray[np.integer]) -> Records:
        """The records at these rows, in this order; they keep the row numbers of the source.

        Args:
            rows: row numbers from 0, or a slice (of step 1 costs nothing).

        Raises:
            ConfigurationError: a row that does not exist.
        """
        if isinstance(rows, slice) and rows.step in (None, 1):
            start, stop, _ = rows.indices(len(self))
            selected = self.table.slice(start, max(0, stop - start))
            numbers = self._numbers().slice(start, max(0, stop - start))
            return replace(self, table=selected, row_numbers=numbers)
        wanted = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows, dtype=np.int64)
        if wanted.ndim != 1 or (len(wanted) and (wanted.min() < 0 or wanted.max() >= len(self))):
            raise ConfigurationError(
                f"{self.name}: rows must be in [0, {len(self)}). Got {wanted.min()} to {wanted.max()}."
            )
        indices = pa.array(wanted)
        return replace(
            self,
            table=self.table.take(indices),
            row_numbers=self._numbers().take(indices),
        )

    def with_roles(self, roles: Mapping[str, Role]) -> Records:
        """The same records with some roles changed; naming another id column sets the present one to "ignore".

        Raises:
            ConfigurationError: no such column or role.
        """
        require_columns(roles, self.table.column_names, self.name)
        merged = {**self.roles, **roles}
        new_id = next((c for c, role in roles.items() if role == "id"), None)
        old_id = self.id_column
        if new_id is not None and old_id is not None and old_id != new_id and old_id not in roles:
            merged[old_id] = "ignore"
        return replace(self, roles=merged)

    def with_notes(self, *notes: str) -> Records:
        """The same records with more sentences for the user."""
        return replace(self, notes=self.notes + notes)

    def fingerprint(self) -> str:
        """A short text that changes when contents, column names, roles or the order of rows change, and only then."""
        digest = hashlib.blake2b(digest_size=16)
        for column in self.table.column_names:
            digest.update(
                f"{column}\0{self.roles[column]}\0{self.conventions.get(column, '')}\0".encode("utf-8", "surrogatepass")
            )
            hash_column(digest, self.table.column(column))
        if self.id_column is None:
            digest.update(np.ascontiguousarray(self.ids.to_numpy()).tobytes())
        return digest.hexdigest()

    def _numbers(self) -> pa.Array:
        """The row of the source of each record."""
        return self.row_numbers if self.row_numbers is not None else pa.array(np.arange(1, len(self) + 1))

    def _column(self, field: str) -> pa.ChunkedArray:
        require_columns((field,), self.table.column_names, self.name)
        return self.table.column(field)


def _conventions(table: pa.Table, roles: Mapping[str, Role], known: Mapping[str, str]) -> dict[str, str]:
    """What is known, and a decision for each text column of numbers or dates without one."""
    found: dict[str, str] = {}
    for column, role in roles.items():
        if role not in ("number", "date") or not is_string(table.column(column).type):
            continue
        if known.get(column) in _MARKS[role]:
            found[column] = known[column]
        else:
            values = table.column(column)
            found[column] = decimal_mark(values) if role == "number" else parse_dates(values).order
    return found
