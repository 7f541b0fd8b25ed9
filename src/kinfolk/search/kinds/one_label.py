"""What Filtered-Vamana and Stitched-Vamana do alike: they build differently and search in the same way."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from kinfolk.search.filters.expression import Expression
from kinfolk.search.kinds.collection import Collection
from kinfolk.search.kinds.interface import OfOneColumn, Rows
from kinfolk.search.kinds.labels import Labels, one_label
from kinfolk.search.kinds.walks import Graph, walked
from kinfolk.search.metric import Floats
from kinfolk.search.passing import Passing


class OfOneLabel(OfOneColumn):
    """A graph that is walked from the entry of a label over the rows of the label: FilteredGreedySearch of Filtered-DiskANN."""

    what: ClassVar[str] = "one label, column == value or column.contains(value),"

    def __init__(
        self, collection: Collection, column: str, labels: Labels, entries: npt.NDArray[np.int64], graph: Graph
    ) -> None:
        super().__init__(collection, column)
        self._labels = labels
        self._entries = entries
        self._graph = graph

    def serves(self, where: Expression) -> str | None:
        """None for one label of the column."""
        return self.refusal(where) if one_label(where, self.column) is None else None

    def candidates(self, points: Floats, k: int, where: Expression, passing: Passing, effort: int) -> Rows:
        """The beam of the walk."""
        label = one_label(where, self.column)
        assert label is not None  # as it is served
        entry = self._entries[[self._labels.code(label)]]
        return walked(self.collection.points, points, self._graph, passing, entry, breadth=max(effort, k))
