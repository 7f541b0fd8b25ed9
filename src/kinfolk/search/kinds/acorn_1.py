"""A plain HNSW graph, walked over rows that pass alone, with two links taken at once where one ends at a row that fails.

Patel, Kraft, Guestrin and Zaharia 2024, "ACORN: performant and predicate-agnostic search over vector embeddings and structured data"
(SIGMOD; arXiv 2403.04871), ACORN-1: nothing is done at build; the denser graph that ACORN-gamma builds is approximated at
search by the neighbors of neighbors. No row that fails is ever scored, so the cost hardly depends on the filter. Recall has a ceiling,
though: where rows that pass are more than two links apart they are islands. With M links a row that begins where less than 1 of
M * M rows passes, and earlier where rows lie in clusters.

What is simpler than in the paper: links are followed further only through rows that fail (as Weaviate does; the paper takes all),
since rows that pass are steps themselves; only the lowest layer is walked, from 32 rows that pass in place of the upper layers, which
would hardly have rows that pass under a strict filter.
"""

from __future__ import annotations

from typing import Any

from kinfolk.search.filters.expression import Expression
from kinfolk.search.kinds.collection import Collection
from kinfolk.search.kinds.faiss_parts import layer_of
from kinfolk.search.kinds.interface import Rows
from kinfolk.search.kinds.plain_graph import OverPlainGraph
from kinfolk.search.kinds.registry import kind
from kinfolk.search.kinds.walks import Graph, entries_among, walked
from kinfolk.search.metric import Floats
from kinfolk.search.passing import Passing


@kind(
    "acorn-1",
    paper="Patel, Kraft, Guestrin and Zaharia 2024, ACORN: performant and predicate-agnostic search over vector embeddings and structured "
    "data (SIGMOD, arXiv 2403.04871)",
    serves=("any",),
    effort="passing rows that the walk keeps (ef)",
    extra="search",
)
class Acorn1(OverPlainGraph):
    """Walks a plain HNSW graph over rows that pass, two links at a time where it has to."""

    def __init__(self, collection: Collection, index: Any) -> None:
        super().__init__(collection, index)
        layer = layer_of(index)
        self._graph, self._most = Graph.of(layer), layer.shape[1]

    def candidates(self, points: Floats, k: int, where: Expression, passing: Passing, effort: int) -> Rows:  # noqa: ARG002
        """The beam of the walk."""
        return walked(
            self.collection.points,
            points,
            self._graph,
            passing,
            entries_among(passing),
            breadth=max(effort, k),
            direct=0,
            only_failing=True,
            most=self._most,
        )
