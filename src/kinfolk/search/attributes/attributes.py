"""The attributes of n rows, turned over so that the rows which pass a filter are known in microseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.data.names import require_columns
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.attributes.postings import Pairs, Postings
from kinfolk.search.attributes.selection import select
from kinfolk.search.attributes.values import plain_type
from kinfolk.search.bitmaps import Rows
from kinfolk.search.filters.check import check_kinds, kinds_of
from kinfolk.search.filters.contradiction import contradictions
from kinfolk.search.filters.expression import And, Condition, Expression, Or, leaves
from kinfolk.search.filters.from_sql import from_sql
from kinfolk.search.passing import Passing

_ROWS = 2**31 - 1


class Attributes:
    """Columns by which rows can be filtered. Immutable: what changes rows gives new attributes.

    Each column keeps the rows of every value as an ascending list, null being a value of its own, and values of at least 0.4 %
    of the rows as a bitmap, too. A column of values (not of lists) is also an order of all rows, with the place of each row in it
    and 32 bitmaps along it: about 12 bytes a row, and up to 31 more for the bitmaps of values.

    **Rows that come and go.** ``append``, ``update`` and ``take`` sort the columns anew: tens of milliseconds a column and
    100,000 rows. An index therefore collects its changes:

    - a removed row stays, and is cleared in a bitmap of the living, uint64 as ``Passing.bitmap``:
      ``attributes.select(expression).within(alive)`` gives the living rows that pass, with their exact number;
    - added rows wait in attributes of their own, of which the same expression selects, until there are enough to ``append``;
    - an updated row is a removed one and an added one, or, where it must keep its place, an ``update``;
    - now and then ``take(living rows)`` renumbers what is left.
    """

    def __init__(self, schema: pa.Schema, total: int, postings: Mapping[str, Postings]) -> None:
        self.schema = schema
        self._total = total
        self._postings = dict(postings)
        self._kinds = kinds_of(schema)

    @classmethod
    def build(cls, table: pa.Table) -> Self:
        """The attributes of the rows of a table.

        Args:
            table: n rows; columns of whole or floating-point numbers, texts, dates, timestamps, true and false, lists of
                these, or dictionaries of them. NaN counts as null, and so does a null inside a list as not being there.

        Raises:
            DataError: a column of another type, two of one name, or more than 2**31 - 1 rows.
        """
        return cls.of_rows(table, len(table))

    @classmethod
    def of_rows(cls, table: pa.Table, total: int) -> Self:
        """As ``build``, for a table that may have no column and then does not tell how many rows there are."""
        kinds = kinds_of(table.schema)
        _check_total(total)
        postings = {
            name: Postings.build(name, Pairs.of(table.column(name), name=name), of_lists=kind.is_list)
            for name, kind in kinds.items()
        }
        return cls(table.schema, total, postings)

    def __len__(self) -> int:
        return self._total

    def __repr__(self) -> str:
        return f"Attributes({self._total:,} rows, columns {', '.join(self.schema.names) or 'none'})"

    def select(self, expression: Expression | str) -> Passing:
        """The rows that pass a filter, and exactly how many they are.

        Args:
            expression: a filter without ``mine``, or its text in SQL.

        Raises:
            ConfigurationError: the filter does not fit the columns; see ``check``.
            MissingExtraError: a text, and sqlglot is not installed.
        """
        return select(self._checked(expression), self._postings, self._total)

    def order(self, column: str) -> Rows:
        """All rows by the ascending values of a column, equal ones by row, those without a value last: int32 (n,).

        Raises:
            ConfigurationError: no such column, or one of lists.
        """
        require_columns([column], self.schema.names, "The table that is filtered")
        order = self._postings[column].order
        if order is None:
            raise ConfigurationError(
                f"Rows have no order by '{column}', a column of lists. Take one with single values."
            )
        return order.rows

    def notices(self, expression: Expression | str) -> tuple[str, ...]:
        """What to tell the user of a filter: conditions that exclude each other, and conditions that no row passes.

        Returns:
            Sentences, in the order of the filter; none where there is nothing to tell.

        Raises:
            ConfigurationError: as ``select``.
        """
        checked = self._checked(expression)
        found = list(contradictions(checked))
        found += [
            f"No row passes {leaf!r}.{self._seen(leaf)}"
            for leaf in dict.fromkeys(leaves(checked))
            if not contradictions(leaf) and not select(leaf, self._postings, self._total).size
        ]
        if not found and isinstance(checked, And | Or) and not select(checked, self._postings, self._total).size:
            found.append(f"No row passes {checked!r}, though each of its conditions is passed by some.")
        return tuple(found)

    def append(self, table: pa.Table) -> Self:
        """Attributes with the rows of a table behind these.

        Raises:
            DataError: other columns, or other types of columns.
        """
        other = self._like(table)
        _check_total(self._total + len(table))
        return self._changed(
            self._total + len(table), other, kept=None, places=np.arange(self._total, self._total + len(table))
        )

    def update(self, rows: npt.ArrayLike, table: pa.Table) -> Self:
        """Attributes in which some rows have those of a table.

        Args:
            rows: (len(table),), all different.
            table: their new attributes.

        Raises:
            DataError: rows that are not there or come twice, another number of rows, other columns or types.
        """
        places = self._rows(rows)
        other = self._like(table)
        if len(table) != places.size:
            raise DataError(
                f"Each updated row needs one row of attributes. Got {places.size} rows and {len(table)} of attributes."
            )
        kept = np.arange(self._total)
        kept[places] = -1
        return self._changed(self._total, other, kept=kept, places=places)

    def take(self, rows: npt.ArrayLike) -> Self:
        """The attributes of some rows, which are numbered anew, 0 for the first that is named.

        Raises:
            DataError: rows that are not there or come twice.
        """
        places = self._rows(rows)
        kept = np.full(self._total, -1, dtype=np.int64)
        kept[places] = np.arange(places.size)
        return self._changed(places.size, None, kept=kept, places=places)

    def remove(self, rows: npt.ArrayLike) -> Self:
        """The attributes of the other rows, which move up.

        Raises:
            DataError: rows that are not there or come twice.
        """
        left = np.ones(self._total, dtype=np.bool_)
        left[self._rows(rows)] = False
        return self.take(np.flatnonzero(left))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All there is, as arrays by name, to be written to a folder; ``from_arrays`` makes attributes of them again."""
        arrays: dict[str, npt.NDArray[Any]] = {
            "schema": np.frombuffer(self.schema.serialize(), dtype=np.uint8),
            "total": np.array([self._total], dtype=np.int64),
        }
        for place, name in enumerate(self.schema.names):
            arrays |= {f"{place}.{part}": array for part, array in self._postings[name].arrays().items()}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Attributes over arrays that ``arrays`` gave. They may be memory-mapped, and are not read before they are needed.

        Raises:
            DataError: an array is missing.
        """
        try:
            schema = pa.ipc.read_schema(pa.py_buffer(np.ascontiguousarray(arrays["schema"])))
            total = int(arrays["total"][0])
            postings = {}
            for place, field in enumerate(schema):
                # As plain arrays: a memmap keeps its map open through its base, and compiled code knows no subclass.
                parts = {
                    name.removeprefix(f"{place}."): array.view(np.ndarray)
                    for name, array in arrays.items()
                    if name.startswith(f"{place}.")
                }
                postings[field.name] = Postings.from_arrays(field.name, _value_type(field.type), total, parts)
        except (KeyError, pa.ArrowInvalid) as error:
            raise DataError(f"These are not the arrays of attributes ({error}). Build the index again.") from error
        return cls(schema, total, postings)

    def _checked(self, expression: Expression | str) -> Expression:
        return check_kinds(from_sql(expression) if isinstance(expression, str) else expression, self._kinds)

    def _like(self, table: pa.Table) -> Self:
        """Attributes of a table with the columns of this one."""
        if set(table.column_names) != set(self.schema.names) or len(table.column_names) != len(self.schema.names):
            raise DataError(
                f"The attributes have the columns {', '.join(self.schema.names)}. Got {', '.join(table.column_names)}."
            )
        try:
            return type(self).build(table.select(self.schema.names).cast(self.schema))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
            raise DataError(
                f"The new attributes are of other types than those there are ({error}). Cast them first."
            ) from error

    def _changed(
        self, total: int, other: Self | None, *, kept: npt.NDArray[np.int64] | None, places: npt.NDArray[np.int64]
    ) -> Self:
        """These rows moved to ``kept``, -1 for none, or left where they are, and the rows of others put at ``places``."""
        changed = {}
        for name, postings in self._postings.items():
            pairs = postings.pairs()
            pairs = _moved(pairs, total, kept)
            if other is not None:
                pairs = _together(pairs, _moved(other._postings[name].pairs(), total, places))
            changed[name] = Postings.build(name, pairs, of_lists=postings.order is None)
        return type(self)(self.schema, total, changed)

    def _rows(self, rows: npt.ArrayLike) -> npt.NDArray[np.int64]:
        listed = np.asarray(rows)
        if listed.size == 0:
            return np.empty(0, dtype=np.int64)
        if listed.ndim != 1 or listed.dtype.kind not in "iu":
            raise DataError(f"Rows are a list of whole numbers. Got an array of {listed.dtype}, shape {listed.shape}.")
        if listed.min() < 0 or listed.max() >= self._total:
            raise DataError(f"Rows are from 0 to {self._total - 1}. Got {listed.min()} to {listed.max()}.")
        if np.unique(listed).size != listed.size:
            raise DataError("Each row can be named once. Some came twice; name each once.")
        return listed.astype(np.int64)

    def _seen(self, leaf: Condition) -> str:
        """What the column does hold, where that helps."""
        values = self._postings[leaf.column].values
        if not len(values):
            return " All its values are missing."
        if values.kind.name in ("integer", "number", "text"):
            return f" Its values are from {values[0]!r} to {values[len(values) - 1]!r}."
        return ""


def _moved(pairs: Pairs, total: int, to: npt.NDArray[np.int64] | None) -> Pairs:
    if to is None:
        return Pairs(total, pairs.values, pairs.rows, pairs.codes, pairs.nulls)
    rows, nulls = to[pairs.rows], to[pairs.nulls]
    return Pairs(total, pairs.values, rows[rows >= 0], pairs.codes[rows >= 0], nulls[nulls >= 0])


def _together(first: Pairs, second: Pairs) -> Pairs:
    values, of_first, of_second = first.values.merged(second.values)
    return Pairs(
        first.total,
        values,
        np.concatenate([first.rows, second.rows]),
        np.concatenate([of_first[first.codes], of_second[second.codes]]),
        np.concatenate([first.nulls, second.nulls]),
    )


def _value_type(kind: pa.DataType) -> pa.DataType:
    plain = plain_type(kind)
    return plain.value_type if pa.types.is_large_list(plain) else plain


def _check_total(total: int) -> None:
    if total > _ROWS:
        raise DataError(f"Attributes are of at most {_ROWS:,} rows. Got {total:,}. Split the table.")
