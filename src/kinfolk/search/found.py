"""What an index answers, and what it says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.search.id_column import IdColumn
from kinfolk.search.metric import Metric
from kinfolk.search.planner import Plan


@dataclass(frozen=True, eq=False)
class Nearest:
    """The rows nearest to each query among those that pass its filter, nearest first.

    Attributes:
        rows: places of the rows in the index as it was, from 0 in the order they came, int64 (queries, k); -1 where fewer rows pass.
        scores: cosines, inner products or, for ``l2``, distances, float64 (queries, k); -inf, or for ``l2`` inf, where there is no row.
        notices: what to know of the filters: conditions that exclude each other, or that no row passes.
        column: the ids of all rows.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    notices: tuple[str, ...] = field(default=(), kw_only=True)
    column: IdColumn = field(kw_only=True, repr=False)

    @cached_property
    def ids(self) -> npt.NDArray[np.object_]:
        """The ids of the rows, object (queries, k); None where fewer rows pass."""
        return self.column.at(self.rows)

    def to_arrow(self) -> pa.Table:
        """One row a hit: query (its number, from 0), rank (from 1), id, score."""
        queries, ranks = np.nonzero(self.ids != None)  # noqa: E711 - of each element
        return pa.table(
            {
                "query": queries,
                "rank": ranks + 1,
                "id": pa.array(self.ids[queries, ranks].tolist()),
                "score": self.scores[queries, ranks],
            }
        )


@dataclass(frozen=True)
class Explanation:
    """How a query was answered.

    Attributes:
        where: the filter, as Python; empty where there was none.
        passing: rows that pass it and were not removed, exactly.
        num: rows that were not removed.
        plan: the part that answered, what it was expected to cost, and the next best one.
        seconds: that the search took, the filter included.
        notices: as of ``Nearest``.
    """

    where: str
    passing: int
    num: int
    plan: Plan
    seconds: float
    notices: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.where or 'no filter'}: {self.passing:,} of {self.num:,} rows pass",
            f"{self.plan.reason}",
            f"about {self.plan.rows:,.0f} rows looked at, {1e6 * self.plan.seconds:,.0f} µs expected, {1e6 * self.seconds:,.0f} µs taken",
            *self.notices,
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class IndexStats:
    """What an index holds.

    Attributes:
        num: rows that can be found.
        removed: rows that were removed and still take room.
        waiting: rows that came after the graph was built; a walk scores each.
        dim: width of the vectors.
        metric: what near means.
        columns: the attributes and their types.
        sizes: bytes of each part.
        graph: whether there is one.
        folder: where it is kept; empty where it is only in memory.
        version: of the rows there; 0 where it is only in memory.
    """

    num: int
    removed: int
    waiting: int
    dim: int
    metric: Metric
    columns: Mapping[str, str]
    sizes: Mapping[str, int]
    graph: bool
    folder: str
    version: int
