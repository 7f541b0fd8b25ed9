"""An index as it is at one moment: what a search reads, while another thread makes the next one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import numpy.typing as npt

from kinfolk.search.bitmaps import count_bits, rows_of
from kinfolk.search.filters.expression import Expression
from kinfolk.search.filters.of_queries import Filter, filters_of_queries, parsed
from kinfolk.search.found import Explanation, Nearest
from kinfolk.search.growing import GrowingAttributes
from kinfolk.search.id_column import IdColumn
from kinfolk.search.kernels.subsets import OrderedLines, Subset, span_of, subset_of_bitmap, subset_of_ids
from kinfolk.search.parts import no_rows
from kinfolk.search.passing import Passing
from kinfolk.search.vectors import VectorSet, require_k

_WALKED = 6  # one row in so many passes: then the graph is likely to be walked, which reads bitmaps
_LISTED = 64  # one row in so many passes: then a bitmap is no longer than a list
_TOGETHER = 8  # queries that share a filter, from which they are searched as one batch


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

    def search(
        self,
        queries: npt.ArrayLike,
        k: int,
        *,
        where: Filter | Sequence[Filter | None] | None,
        own: object,
        recall: float,
        exact: bool,
        threads: int | None,
    ) -> Nearest:
        """As ``Index.search``."""
        table, recall = self.vectors.formed(queries), 1.0 if exact else recall
        groups = filters_of_queries(where, own, len(table))
        subsets = [self.subset(expression) for expression, _ in groups]
        if len(groups) == 1:
            hits = self.vectors.answer(table, k, subsets[0], recall=recall, threads=threads)
            rows, scores = hits.rows, hits.scores
        else:
            require_k(k)
            rows, scores = no_rows(len(table), k)
            alone: list[int] = []
            subset_of = [span_of(0, 0)] * len(table)
            for (_, members), subset in zip(groups, subsets, strict=True):
                if len(members) < _TOGETHER:
                    alone += members.tolist()
                    for member in members:
                        subset_of[member] = subset
                    continue
                hits = self.vectors.answer(table[members], k, subset, recall=recall, threads=threads)
                rows[members], scores[members] = hits.rows, hits.scores
            if alone:
                own_subsets = [subset_of[member] for member in alone]
                hits = self.vectors.answer(table[alone], k, own_subsets, recall=recall, threads=threads)
                rows[alone], scores[alone] = hits.rows, hits.scores
        empty = [
            expression
            for (expression, _), subset in zip(groups, subsets, strict=True)
            if expression is not None and not subset.size
        ]
        notices = dict.fromkeys(notice for expression in empty for notice in self.attributes.notices(expression))
        return Nearest(rows, scores, notices=tuple(notices) if empty else (), column=self.ids)

    def explain(self, query: npt.ArrayLike, k: int, *, where: Filter | None, recall: float, exact: bool) -> Explanation:
        """As ``Index.explain``."""
        began = time.perf_counter()
        expression = parsed(where)
        hits = self.vectors.search(np.asarray(query)[None], k, span=self.subset(expression), recall=recall, exact=exact)
        seconds = time.perf_counter() - began
        num = self.vectors.num_alive
        passing = num if expression is None else self.passing(expression).size
        notices = () if expression is None else self.attributes.notices(expression)
        where_said = "" if expression is None else repr(expression)
        return Explanation(where_said, passing, num, hits.plans[0], seconds, notices)

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
        walked = self.vectors.has_graph and found.size * _WALKED > found.total
        if walked or (found.bitmap is not None and found.size * _LISTED > found.total):
            return subset_of_bitmap(found.as_bitmap(), found.size)
        if found.span is not None and found.order is not None:
            column, start, stop = found.span
            return span_of(start, stop, self._lines_in_order(column, found.order.rows))
        return subset_of_ids(found.as_ids())

    def alive(self) -> npt.NDArray[np.int64]:
        """The rows that were not removed."""
        bitmap = self.vectors.alive_bitmap()
        if bitmap is None:
            return np.arange(len(self.ids))
        return rows_of(bitmap, count_bits(bitmap)).astype(np.int64)

    def _lines_in_order(self, column: str, order: npt.NDArray[np.int32]) -> OrderedLines:
        with self._ordering:
            if column not in self.ordered:
                self.ordered[column] = self.vectors.lines_in(order)
            return self.ordered[column]
