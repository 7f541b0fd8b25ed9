"""What can be measured: the one protocol behind which every engine stands, and this package's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.search.filters import Expression
from kinfolk.search.index import Index
from kinfolk.search.study.terms import Terms, expression_of
from kinfolk.search.study.vecs import Vectors

Rows = npt.NDArray[np.int64]


class Engine(Protocol):
    """Something that finds near rows under filters.

    Attributes:
        name: as results have it; one word, as a file may be called.
        about: version, parameters of the build, and how filters are given, in a sentence.
        effort: the name of what is turned to find more and be slower.
        efforts: its values, ascending; one value for engines that are exact.
    """

    name: str
    about: str
    effort: str
    efforts: Sequence[float]

    def build(self, vectors: Vectors, attributes: pa.Table) -> None:
        """Take in the rows: vectors of length 1, (rows, dim), near where their products are high, and attributes for each."""
        ...

    def search(self, queries: Vectors, filters: Sequence[Terms], k: int, effort: float) -> Rows:
        """The k nearest rows of each query, int64 (queries, k), -1 where there are no more.

        Args:
            queries: (queries, dim), of length 1.
            filters: one for each query, or a single one that all share. Evaluating them is part of the search.
            k: how many.
            effort: one of ``efforts``.
        """
        ...

    def num_bytes(self) -> int:
        """Bytes in memory, or on disk where it is kept there: vectors, index and attributes."""
        ...


class Kinfolk:
    """The index of this package; its effort is the recall that is asked for, and the rest is its planner's.

    Args:
        graph: as of ``Index.build``.
    """

    name, effort = "kinfolk", "recall"
    efforts: Sequence[float] = (0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99)

    def __init__(self, *, graph: bool | None = None) -> None:
        self._graph = graph
        self.about = "Index, planner"

    def build(self, vectors: Vectors, attributes: pa.Table) -> None:
        """As ``Engine.build``."""
        self._index = Index.build(vectors, attributes, graph=self._graph, threads=1)
        self.about = (
            f"Index, {'with' if self._index.stats().graph else 'without'} a graph; the planner chooses the part"
        )

    def search(self, queries: Vectors, filters: Sequence[Terms], k: int, effort: float) -> Rows:
        """As ``Engine.search``."""
        return self._index.search(queries, k, where=_where(filters), recall=effort, threads=1).rows

    def num_bytes(self) -> int:
        """As ``Engine.num_bytes``."""
        return sum(self._index.stats().sizes.values())


class KinfolkExact:
    """The index of this package without its shortcuts."""

    name, effort, about = "kinfolk-exact", "exact", "Index, exact=True"
    efforts: Sequence[float] = (1.0,)

    def build(self, vectors: Vectors, attributes: pa.Table) -> None:
        """As ``Engine.build``."""
        self._index = Index.build(vectors, attributes, graph=False, threads=1)

    def search(self, queries: Vectors, filters: Sequence[Terms], k: int, effort: float) -> Rows:
        """As ``Engine.search``."""
        del effort
        return self._index.search(queries, k, where=_where(filters), exact=True, threads=1).rows

    def num_bytes(self) -> int:
        """As ``Engine.num_bytes``."""
        return sum(self._index.stats().sizes.values())


def _where(filters: Sequence[Terms]) -> Expression | list[Expression | None] | None:
    if len(filters) == 1:
        return expression_of(filters[0])
    return [expression_of(terms) for terms in filters]
