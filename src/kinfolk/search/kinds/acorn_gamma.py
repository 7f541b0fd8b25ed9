"""A graph so dense that what is left of it under a filter is a graph still, kept small by what two links can recover.

Patel, Kraft, Guestrin and Zaharia 2024, "ACORN: performant and predicate-agnostic search over vector embeddings and structured data"
(SIGMOD; arXiv 2403.04871), ACORN-gamma. Every row gets its M * gamma nearest rows as candidates, without the pruning of HNSW: a filter that
passes a share of 1 / gamma leaves M of them. The M_beta nearest stay as they are; of the others those go that a kept one leads to.
The walk steps on rows that pass only; through links behind the first M_beta it also looks at theirs, which brings back what went.

What is simpler than in the paper: one layer, walked from 32 rows that pass, in place of a hierarchy, which serves to find an entry; and
links are dropped once, after the build, and only where they are among the first M_beta links of one that stays: those are never
dropped themselves, so everything that goes can be recovered.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from typing import Self

import numba as nb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import ConfigurationError
from kinfolk.search.filters.expression import Expression
from kinfolk.search.kernels.exact import wide_query
from kinfolk.search.kernels.heaps import drop_best, keep, sort_best_first
from kinfolk.search.kinds.collection import Collection
from kinfolk.search.kinds.interface import OfEveryFilter, Rows
from kinfolk.search.kinds.registry import kind
from kinfolk.search.kinds.walks import Graph, entries_among, offer, walked
from kinfolk.search.metric import Floats, Metric
from kinfolk.search.passing import Passing

_ENTRIES = 16  # rows to begin with when a row is inserted


@nb.njit(cache=True, nogil=True)
def link_nearest(flat, dim, order, breadth, links):
    """Insert the rows one after the other, each linked with the nearest that a walk finds, and these with it.

    Args:
        flat, dim: all points, float32 (num * dim,), and their width.
        order: int64 (num,), the rows in the order they are inserted.
        breadth: of the walk, at least the length of a line of links.
        links: int32 (num, degree) of -1; filled nearest first.
    """
    num, degree = links.shape
    sizes, link_values = np.zeros(num, np.int64), np.empty((num, degree), np.float64)
    visited, fresh = np.zeros(num, np.int64), np.empty(max(degree, _ENTRIES), np.int64)
    values, rows = np.empty(breadth, np.float64), np.empty(breadth, np.int64)
    ahead_values, ahead_rows = np.empty(num, np.float64), np.empty(num, np.int64)
    for turn in range(num):
        point, mark = order[turn], turn + 1
        wide = wide_query(flat[point * dim : (point + 1) * dim])
        entries = min(_ENTRIES, turn)
        for t in range(entries):
            fresh[t] = order[turn * t // entries]
            visited[fresh[t]] = mark
        size, waiting = offer(
            wide, flat, dim, fresh, entries, breadth, values, rows, np.int64(0), ahead_values, ahead_rows, np.int64(0)
        )
        while waiting > 0 and not (size == breadth and ahead_values[0] < values[0]):
            here = ahead_rows[0]
            waiting = drop_best(ahead_values, ahead_rows, waiting)
            count = 0
            for t in range(sizes[here]):
                link = links[here, t]
                if visited[link] != mark:
                    visited[link] = mark
                    fresh[count] = link
                    count += 1
            size, waiting = offer(
                wide, flat, dim, fresh, count, breadth, values, rows, size, ahead_values, ahead_rows, waiting
            )
        for t in range(size):
            near = rows[t]
            sizes[point] = keep(link_values[point], links[point], sizes[point], degree, values[t], near)
            sizes[near] = keep(link_values[near], links[near], sizes[near], degree, values[t], point)
    for row in range(num):
        sort_best_first(link_values[row], links[row], sizes[row])


@nb.njit(cache=True, nogil=True)
def drop_recoverable(links, first):
    """Drop links that are among the ``first`` links of a later link that stays; those left move up, -1 follows."""
    num, degree = links.shape
    marks = np.full(num, -1, np.int64)
    for row in range(num):
        kept = first
        for t in range(first, degree):
            link = links[row, t]
            if link < 0:
                break
            if marks[link] != row:
                links[row, kept] = link
                kept += 1
                for other in links[link, :first]:
                    if other >= 0:
                        marks[other] = row
        links[row, kept:] = -1


@kind(
    "acorn-gamma",
    paper="Patel, Kraft, Guestrin and Zaharia 2024, ACORN: performant and predicate-agnostic search over vector embeddings and structured "
    "data (SIGMOD, arXiv 2403.04871)",
    serves=("any",),
    effort="passing rows that the walk keeps (ef)",
)
class AcornGamma(OfEveryFilter):
    """Walks a graph of gamma times as many links over rows that pass."""

    def __init__(self, collection: Collection, graph: Graph, neighbors: int, kept: int) -> None:
        super().__init__(collection)
        self._graph = graph
        self._neighbors = neighbors
        self._kept = kept

    @classmethod
    def build(
        cls,
        vectors: npt.ArrayLike,
        attributes: pa.Table,
        *,
        column: str | None = None,  # noqa: ARG003 - see Kind.build
        metric: Metric = "cosine",
        seed: int = 0,
        neighbors: int = 16,
        gamma: int = 10,
        kept: int = 32,
        breadth: int = 100,
    ) -> Self:
        """Build the dense graph.

        Args:
            vectors, attributes, column, metric: as ``Kind.build``.
            seed: of the order in which rows are inserted.
            neighbors: M of the paper.
            gamma: about 1 divided by the smallest share of rows that filters pass.
            kept: M_beta of the paper, up to ``neighbors * gamma``.
            breadth: efConstruction of the paper; at least ``neighbors * gamma`` are taken.
        """
        degree = neighbors * gamma
        if min(neighbors, gamma, breadth) < 1 or not 0 <= kept <= degree:
            raise ConfigurationError(
                "neighbors, gamma and breadth must be at least 1, and kept from 0 to neighbors * gamma. Got "
                f"neighbors={neighbors}, gamma={gamma}, breadth={breadth} and kept={kept}."
            )
        collection = Collection.of(vectors, attributes, metric)
        num, dim = collection.points.shape
        links = np.full((num, min(degree, max(num - 1, 1))), -1, dtype=np.int32)
        order = np.random.default_rng(seed).permutation(num)
        link_nearest(collection.points.reshape(-1), dim, order, max(breadth, degree), links)
        drop_recoverable(links, min(kept, links.shape[1]))
        return cls(collection, Graph.of(links), neighbors, kept)

    def candidates(self, points: Floats, k: int, where: Expression, passing: Passing, effort: int) -> Rows:  # noqa: ARG002
        """The beam of the walk."""
        return walked(
            self.collection.points,
            points,
            self._graph,
            passing,
            entries_among(passing),
            breadth=max(effort, k),
            direct=self._kept,
            most=2 * self._neighbors,
        )
