"""A graph for each set of labels, and links from each set to the smallest ones that contain it.

Cai, Shi, Chen and Zheng 2024, "Navigating labels and vectors: a unified approach to filtered approximate nearest neighbor search" (SIGMOD
2025). Rows with the same set of labels are a group with a Vamana graph of its own. From a group there are ways to the groups whose sets are
its minimal supersets (the label navigating graph), and rows have links along them to near rows. Every row that is reached from a group
has all labels of the group: a walk that begins in the minimal supersets of what is asked never steps on a row that fails.

What is simpler than in the paper: the supersets are found by lists of the groups of each label in place of a trie; a walk begins in
the middle row of each entry group. As there, a row keeps its nearest few links to other groups, and each way has at least one.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.search.filters.expression import Expression
from kinfolk.search.kernels.subsets import read_only
from kinfolk.search.kinds.collection import Collection
from kinfolk.search.kinds.interface import OfOneColumn, Rows
from kinfolk.search.kinds.labels import Labels, label_sets
from kinfolk.search.kinds.registry import kind
from kinfolk.search.kinds.vamana import check_parameters, vamana
from kinfolk.search.kinds.walks import Graph, walked
from kinfolk.search.metric import Floats, Metric
from kinfolk.search.passing import Passing, all_rows

LabelSet: TypeAlias = frozenset[int]
_BREADTH = 32  # of the walks that look for links to another group


@kind(
    "ung",
    paper="Cai, Shi, Chen and Zheng 2024, Navigating labels and vectors: a unified approach to filtered approximate nearest neighbor "
    "search (SIGMOD 2025)",
    serves=("EM", "EMIS"),
    effort="passing rows that the walk keeps (L)",
)
class Ung(OfOneColumn):
    """Walks from the smallest sets of labels that contain what is asked to larger ones, over rows that all pass."""

    what: ClassVar[str] = (
        "labels, column == value, column.is_in(values), column.contains(value), column.contains_all(values) or "
        "column.contains_any(values),"
    )

    def __init__(self, collection: Collection, column: str, labels: Labels, groups: Groups, graph: Graph) -> None:
        super().__init__(collection, column)
        self._labels = labels
        self._groups = groups
        self._graph = graph

    @classmethod
    def build(
        cls,
        vectors: npt.ArrayLike,
        attributes: pa.Table,
        *,
        column: str | None = None,
        metric: Metric = "cosine",
        seed: int = 0,
        degree: int = 32,
        breadth: int = 100,
        alpha: float = 1.2,
        crossing: int = 6,
    ) -> Self:
        """Build the graphs of the groups and the links between them.

        Args:
            vectors, attributes, column, metric, seed: as ``Kind.build``.
            degree, breadth, alpha: of the graph of a group, R and L of Vamana.
            crossing: links of a row to other groups, delta of the paper.
        """
        column = cls.checked_column(column)
        check_parameters({"degree": degree, "breadth": breadth, "crossing": crossing}, alpha)
        collection = Collection.of(vectors, attributes, metric)
        labels = Labels.of(attributes, column)
        groups = Groups(labels)
        rng = np.random.default_rng(seed)
        points, num = collection.points, collection.num
        pairs = [np.empty((0, 2), dtype=np.int64)]
        graphs = []
        for rows in groups.rows:
            links, entry = vamana(
                points[rows], degree=min(degree, max(len(rows) - 1, 1)), breadth=breadth, alpha=alpha, rng=rng
            )
            graphs.append(Graph.of(links))
            groups.entries.append(int(rows[entry]))
            source, place = np.nonzero(links >= 0)
            pairs.append(np.column_stack([rows[source], rows[links[source, place]]]))
        pairs += [_crossings(points, groups, graphs, group, crossing) for group in range(len(groups.rows))]
        sources, targets = np.concatenate(pairs).T
        order = np.argsort(sources, kind="stable")
        starts = np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=num))]).astype(np.int64)
        return cls(
            collection, column, labels, groups, Graph(read_only(starts), read_only(targets[order].astype(np.int32)))
        )

    def serves(self, where: Expression) -> str | None:
        """None for labels of the column."""
        return self.refusal(where) if label_sets(where, self.column) is None else None

    def candidates(self, points: Floats, k: int, where: Expression, passing: Passing, effort: int) -> Rows:
        """The beam of the walk."""
        asked = label_sets(where, self.column)
        assert asked is not None
        codes = [frozenset(map(self._labels.code, labels)) for labels in asked]
        groups = {group for labels in codes if -1 not in labels for group in self._groups.minimal_above(labels)}
        entries = np.array(sorted(self._groups.entries[group] for group in groups), dtype=np.int64)
        return walked(self.collection.points, points, self._graph, passing, entries, breadth=max(effort, k))


class Groups:
    """Rows by their sets of labels; rows without labels are in none, as no filter asks for them.

    Attributes:
        sets: the labels of each group.
        rows: its rows, ascending.
        entries: the row where a walk in it begins.
    """

    def __init__(self, labels: Labels) -> None:
        found: dict[LabelSet, list[int]] = {}
        starts, codes = labels.starts.tolist(), labels.codes.tolist()
        for row, (start, stop) in enumerate(pairwise(starts)):
            if start < stop:
                found.setdefault(frozenset(codes[start:stop]), []).append(row)
        self.sets = list(found)
        self.rows = [np.array(rows, dtype=np.int64) for rows in found.values()]
        self.entries: list[int] = []
        self._of_label: list[set[int]] = [set() for _ in range(labels.num)]
        for place, labels_of_group in enumerate(self.sets):
            for code in labels_of_group:
                self._of_label[code].add(place)

    def minimal_above(self, labels: Iterable[int], *, leave_out: int = -1) -> list[int]:
        """The groups that have all of some labels, and whose set contains that of no other such group."""
        above = set.intersection(*(self._of_label[code] for code in labels)) - {leave_out}
        minimal: list[int] = []
        for group in sorted(above, key=lambda group: (len(self.sets[group]), group)):
            if not any(self.sets[smaller] < self.sets[group] for smaller in minimal):
                minimal.append(group)
        return minimal


def _crossings(points: Floats, groups: Groups, graphs: list[Graph], place: int, crossing: int) -> npt.NDArray[np.int64]:
    """Links from the rows of a group to near rows of the minimal supersets, int64 (links, 2).

    Each row has ``crossing`` links to the nearest ones of all, and each superset gets at least one link, from the row nearest to it.
    """
    rows = groups.rows[place]
    sources, targets, distances, ways = [], [], [], []
    above = groups.minimal_above(groups.sets[place], leave_out=place)
    for way in above:
        others = groups.rows[way]
        local = int(np.searchsorted(others, groups.entries[way]))
        found = walked(
            points[others], points[rows], graphs[way], all_rows(len(others)), np.array([local]),
            breadth=max(_BREADTH, crossing),
        )  # fmt: skip
        source, column = np.nonzero(found >= 0)
        target = others[found[source, column]]
        sources.append(source)
        targets.append(target)
        distances.append(((points[rows[source]] - points[target]) ** 2).sum(axis=1))
        ways.append(np.full(len(source), way))
    if not above:
        return np.empty((0, 2), dtype=np.int64)
    source, target, way_of = np.concatenate(sources), np.concatenate(targets), np.concatenate(ways)
    order = np.lexsort((target, np.concatenate(distances)))
    first_of_way = np.unique(way_of[order], return_index=True)[1]
    by_source = np.argsort(source[order], kind="stable")  # the links of each row, nearest first
    starts = np.searchsorted(source[order][by_source], np.arange(len(rows)))
    rank = np.empty(len(order), dtype=np.int64)
    rank[by_source] = np.arange(len(order)) - starts[source[order][by_source]]
    kept = rank < crossing
    kept[first_of_way] = True
    return np.column_stack([rows[source[order][kept]], target[order][kept]])
