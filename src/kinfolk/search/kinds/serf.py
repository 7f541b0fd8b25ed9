"""Graphs of all ranges of one ordered column, kept as one graph whose links say for which ranges they hold.

Zuo, Qiao, Zhou, Li and Deng 2024, "SeRF: segment graph for range-filtering approximate nearest neighbor search" (SIGMOD; Proceedings of
the ACM on Management of Data 2(1)), for ranges with two ends. Rows are inserted in the order of the column, so that the graph at any moment
is that of a range with one end; links remember when they came and went, which gives the graphs of all earlier ranges.

What is simpler than in the paper: a link remembers one end of the range in place of both, the left end if it leads to the left, and the
right one if it leads to the right (see ``segment_graph``). A walk therefore has links from both sides that the full graph would have pruned
against each other: up to three times as many, none too few. The leap goes to the middle of the neighbors. There is one layer, walked from
positions spread over the range, which a hierarchy could not know.
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import ConfigurationError
from kinfolk.search.filters.expression import And, Between, Compare, Expression, IsNull, leaves
from kinfolk.search.kernels.subsets import read_only
from kinfolk.search.kinds.collection import Collection
from kinfolk.search.kinds.interface import OfOneColumn, Rows
from kinfolk.search.kinds.registry import kind
from kinfolk.search.kinds.segment_graph import Segments, build_segments, walk_segments
from kinfolk.search.kinds.vamana import labels_of_one
from kinfolk.search.metric import Floats, Metric
from kinfolk.search.passing import Passing


@kind(
    "serf",
    paper="Zuo, Qiao, Zhou, Li and Deng 2024, SeRF: segment graph for range-filtering approximate nearest neighbor search (SIGMOD, Proc. "
    "ACM Manag. Data 2(1))",
    serves=("R",),
    effort="rows of the range that the walk keeps (ef)",
)
class Serf(OfOneColumn):
    """Walks over the rows of a range by links that hold for that range."""

    what: ClassVar[str] = "ranges, column.between(low, high) or comparisons with <, <=, >, >= and ==, joined by &,"

    def __init__(
        self, collection: Collection, column: str, order: npt.NDArray[np.int64], flat: Floats, segments: Segments
    ) -> None:
        super().__init__(collection, column)
        self._order = order
        self._flat = flat
        self._segments = segments

    @classmethod
    def build(
        cls,
        vectors: npt.ArrayLike,
        attributes: pa.Table,
        *,
        column: str | None = None,
        metric: Metric = "cosine",
        seed: int = 0,  # noqa: ARG003 - see below
        neighbors: int = 16,
        breadth: int = 100,
    ) -> Self:
        """Build the graph; rows without a value are in no range and stay out of it.

        Args:
            vectors, attributes, column, metric: as ``Kind.build``.
            seed: not needed; the order of the column is the order of insertion, and nothing is drawn.
            neighbors: index_k of the paper, links that are chosen at a time.
            breadth: ef_con of the paper.
        """
        column = cls.checked_column(column)
        if neighbors < 1 or breadth < 1:
            raise ConfigurationError(
                f"neighbors and breadth must be at least 1. Got neighbors={neighbors} and breadth={breadth}."
            )
        collection = Collection.of(vectors, attributes, metric)
        missing = collection.attributes.select(IsNull(column)).size
        order = collection.attributes.order(column)[: collection.num - missing].astype(np.int64)
        dim = collection.points.shape[1]
        flat = read_only(collection.points[order].reshape(-1))
        starts, codes = labels_of_one(len(order))
        left_starts, left, open_links, closed = build_segments(flat, dim, len(order), neighbors, breadth, starts, codes)
        by_source = np.argsort(closed[:, 0], kind="stable")
        counts = np.bincount(closed[:, 0], minlength=len(order))
        segments = Segments(
            left_starts=left_starts,
            left=left.copy(),
            open=open_links,
            closed_starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            closed=np.ascontiguousarray(closed[by_source, 1:]),
        )
        return cls(collection, column, order, flat, segments)

    def serves(self, where: Expression) -> str | None:
        """None for ranges of the column."""
        conditions = where.parts if isinstance(where, And) else (where,)
        for condition in conditions:
            match condition:
                case Between(column) if column == self.column:
                    continue
                case Compare(column, operator) if column == self.column and operator != "!=":
                    continue
            return self.refusal(where)
        return None

    def candidates(self, points: Floats, k: int, where: Expression, passing: Passing, effort: int) -> Rows:
        """The beam of the walk."""
        low, high = 0, len(self._order)
        for condition in leaves(where):
            span = self.collection.attributes.select(condition).span
            assert span is not None  # of a condition on an ordered column that some rows pass
            low, high = max(low, span[1]), min(high, span[2])
        breadth = min(max(effort, k), passing.size)
        out = np.full((len(points), breadth), -1, dtype=np.int64)
        walk_segments(points, self._flat, low, high - 1, *self._segments, breadth, out)
        return np.where(out >= 0, self._order[out], -1)
