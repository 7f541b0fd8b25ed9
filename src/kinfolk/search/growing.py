"""Attributes of an index that grows: those that were turned over once, and behind them the few that came since.

Turning columns over costs by all rows, so new rows wait in attributes of their own until they are an eighth of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.search.attributes import Attributes
from kinfolk.search.bitmaps import bits_of
from kinfolk.search.filters.expression import Expression
from kinfolk.search.passing import Passing, of_bitmap, of_ids

_SHARE, _FEW = 8, 1_000  # new rows wait up to one in eight, and up to a thousand in any case
_BITS_TO_LIST = 64  # a list of one row in 64 is as long as a bitmap


@dataclass(frozen=True, eq=False)
class GrowingAttributes:
    """Immutable; rows that come make new ones.

    Attributes:
        first: of the first rows.
        since: of the rows that came since, in their order.
        waiting: the same rows as they came.
    """

    first: Attributes
    since: Attributes
    waiting: pa.Table

    @classmethod
    def over(cls, attributes: Attributes) -> Self:
        """These, and none since."""
        nothing = attributes.schema.empty_table()
        return cls(attributes, Attributes.build(nothing), nothing)

    def __len__(self) -> int:
        return len(self.first) + len(self.since)

    @property
    def schema(self) -> pa.Schema:
        """Of the columns."""
        return self.first.schema

    def select(self, expression: Expression) -> Passing:
        """The rows that pass a filter, removed ones among them; errors are those of ``Attributes.select``."""
        found = self.first.select(expression)
        if not len(self.since):
            return found
        late = self.since.select(expression).as_ids() + np.int32(len(self.first))
        if found.size * _BITS_TO_LIST <= found.total:
            return of_ids(np.concatenate([found.as_ids(), late]), len(self))
        bitmap = bits_of(late, len(self))
        words = found.as_bitmap()
        bitmap[: len(words)] |= words
        return of_bitmap(bitmap, len(self))

    def notices(self, expression: Expression) -> tuple[str, ...]:
        """What to tell the user of a filter that no row passes."""
        return self.whole.notices(expression)

    def append(self, table: pa.Table, num: int) -> Self:
        """Attributes with the rows of a table behind these.

        Args:
            table: the rows.
            num: how many they are, which a table without columns does not always tell.

        Raises:
            DataError: other columns, or other types of columns.
        """
        if not self.schema.names and not table.column_names:
            return self.over(Attributes.of_rows(self.schema.empty_table(), len(self) + num))
        since = self.since.append(table)
        waiting = pa.concat_tables([self.waiting, table.select(self.schema.names).cast(self.schema)])
        grown = type(self)(self.first, since, waiting)
        return grown if len(since) <= max(_FEW, len(self.first) // _SHARE) else self.over(grown.whole)

    def update(self, rows: npt.NDArray[np.int64], table: pa.Table) -> Self:
        """Attributes in which some rows have those of a table; rows and errors as ``Attributes.update``."""
        return self.over(self.whole.update(rows, table))

    def take(self, rows: npt.NDArray[np.int64]) -> Self:
        """The attributes of some rows, numbered anew."""
        return self.over(self.whole.take(rows))

    @cached_property
    def whole(self) -> Attributes:
        """All rows turned over together, once for as long as no more come."""
        return self.first.append(self.waiting) if len(self.since) else self.first
