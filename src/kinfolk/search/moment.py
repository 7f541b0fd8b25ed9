"""An index as it is at one moment: what a search reads, while another thread makes the next one."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import numpy.typing as npt

from kinfolk.search.filters.expression import Expression
from kinfolk.search.growing import GrowingAttributes
from kinfolk.search.id_column import IdColumn
from kinfolk.search.kernels.subsets import OrderedLines, Subset, span_of, subset_of_bitmap, subset_of_ids
from kinfolk.search.passing import Passing
from kinfolk.search.vectors import VectorSet


@dataclass(frozen=True, eq=False)
class Moment:
    """Vectors, attributes and ids of the same rows.

    Attributes:
        vectors: of the rows; knows which were removed.
        attributes: of the rows.
        ids: of the rows.
        numbers: under which the rows are kept, rising, int64 (n,).
        next_number: of the row that comes next; no number is given twice.
        ordered: copies of the lines in the order of columns that a range was asked of, made when they are first needed.
    """

    vectors: VectorSet
    attributes: GrowingAttributes
    ids: IdColumn
    numbers: npt.NDArray[np.int64]
    next_number: int
    ordered: dict[str, OrderedLines] = field(default_factory=dict)
    _ordering: Lock = field(default_factory=Lock, repr=False)

    def passing(self, expression: Expression) -> Passing:
        """The rows that pass and were not removed, exactly."""
        found = self.attributes.select(expression)
        alive = self.vectors.alive_bitmap()
        return found if alive is None else found.within(alive)

    def subset(self, expression: Expression | None) -> Subset:
        """The rows that pass, removed ones perhaps among them, in the form that is searched fastest; None for all rows."""
        if expression is None:
            return span_of(0, len(self.ids))
        found = self.attributes.select(expression)
        if found.span is not None and found.order is not None:
            column, start, stop = found.span
            return span_of(start, stop, self._lines_in_order(column, found.order.rows))
        if found.ids is not None:
            return subset_of_ids(found.ids)
        return subset_of_bitmap(found.as_bitmap(), found.size)

    def alive(self) -> npt.NDArray[np.int64]:
        """The rows that were not removed."""
        bitmap = self.vectors.alive_bitmap()
        if bitmap is None:
            return np.arange(len(self.ids))
        return np.flatnonzero(np.unpackbits(bitmap.view(np.uint8), bitorder="little")[: len(self.ids)])

    def _lines_in_order(self, column: str, order: npt.NDArray[np.int32]) -> OrderedLines:
        with self._ordering:
            if column not in self.ordered:
                self.ordered[column] = self.vectors.lines_in(order)
            return self.ordered[column]
