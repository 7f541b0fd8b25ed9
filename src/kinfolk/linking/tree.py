"""One agglomerative tree of unit vectors: every cut of it is a clustering, and the tree is grown once.

Single linkage joins two groups at the smallest distance between their records: its groups at a cut are the connected
components of the graph of pairs within the cut, which is DBSCAN with one point a core (min_samples = 1). Average
linkage joins them at the mean distance, so that one lucky pair does not chain two groups.

Source: groups by a cut on a single-linkage tree as in Arora, Yang, Jheng & Dell, 2023, arXiv 2304.03464. The authors cluster
anew for every cut they try.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from kinfolk.data.unit_vectors import UnitVectors, unit_vectors
from kinfolk.errors import ConfigurationError
from kinfolk.linking.linkage import Merges, average_linkage
from kinfolk.linking.spanning_tree import cosine_distances, spanning_tree
from kinfolk.search.exact import exact_search

Linkage = Literal["single", "average"]

# Average linkage of more records than these is that of their neighbors; all pairs of these are 100 MB.
_ALL_PAIRS = 5_000

_NEIGHBORS = 50


@dataclass(frozen=True, eq=False)
class Tree:
    """The joins of an agglomerative clustering, closest first.

    Attributes:
        num_records: records are 0 .. num_records - 1.
        first, second: a record of each of the two groups that are joined, int64 (joins,).
        distance: cosine distance at which they are, float64 (joins,), in [0, 2], not decreasing. All records are joined in
            the end, but for those of which nothing is known.
    """

    num_records: int
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    distance: npt.NDArray[np.float64]

    def labels(self, cut: float) -> npt.NDArray[np.int64]:
        """Groups at a cut: for each record the smallest of its group, int64 (num_records,).

        Args:
            cut: cosine distance up to which groups are joined, at least 0.

        Raises:
            ConfigurationError: a negative cut, or NaN.
        """
        if not cut >= 0:
            raise ConfigurationError(f"cut must be a cosine distance of at least 0. Got {cut}.")
        joins = int(np.searchsorted(self.distance, cut, side="right"))
        return Merges(self.first, self.second, -self.distance).labels(self.num_records, joins)


def linkage_tree(
    vectors: npt.ArrayLike, *, linkage: Linkage = "single", advance: Callable[[float], None] | None = None
) -> Tree:
    """Grow the tree of unit vectors under cosine distance.

    Single linkage is exact for any number n of records, in O(n^2 dim) time and O(n) memory. Average linkage is exact up
    to 5,000 records. Above, it is that of the graph of the 50 nearest neighbors of each record, where two records that
    are not neighbors count as unrelated, at distance 1: groups of many more than 50 records are then joined too late.

    Args:
        vectors: (n, dim), unit rows. A row of zeros, of which nothing is known, is joined to no other.
        linkage: "single" or "average".
        advance: told the share of the work that is done, by single linkage.

    Raises:
        ConfigurationError: another linkage.
        DataError: rows that are neither unit vectors nor zeros.
    """
    if linkage not in get_args(Linkage):
        raise ConfigurationError(f"linkage must be {' or '.join(get_args(Linkage))}. Got {linkage!r}.")
    table = unit_vectors(vectors, name="vectors")
    known = np.flatnonzero(table.any(axis=1))
    rows = table if known.size == len(table) else table[known]
    if linkage == "single":
        edges = spanning_tree(rows, advance=advance)
        tree = Tree(len(table), edges.first, edges.second, edges.distance)
    else:
        tree = _average_of_all_pairs(rows) if len(rows) <= _ALL_PAIRS else _average_of_neighbors(rows)
    return Tree(len(table), known[tree.first], known[tree.second], tree.distance)


def _average_of_all_pairs(vectors: UnitVectors) -> Tree:
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist

    num = len(vectors)
    if num < 2:
        return Tree(num, np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    joins = linkage(pdist(vectors.astype(np.float64), "sqeuclidean") / 2, "average")
    member = np.arange(2 * num - 1)  # a record of each group; the group made by join j has the number num + j
    for join, group in enumerate(joins[:, 0].astype(np.int64)):
        member[num + join] = member[group]
    first, second = member[joins[:, :2].astype(np.int64)].T
    return Tree(num, first, second, joins[:, 2])


def _average_of_neighbors(vectors: UnitVectors) -> Tree:
    found = exact_search(vectors, vectors, k=_NEIGHBORS + 1)
    own, other = np.repeat(np.arange(len(vectors)), _NEIGHBORS + 1), found.rows.ravel()
    pairs = np.column_stack([np.minimum(own, other), np.maximum(own, other)])[(other >= 0) & (other != own)]
    left, right = np.unique(pairs, axis=0).T
    weight = 1 - cosine_distances(vectors, left, right)
    alike = weight > 0
    merges = average_linkage(len(vectors), left[alike], right[alike], weight[alike], missing=0.0, stop=0.0)
    # Means that are equal but for rounding may come out of order by as much.
    distance = np.maximum.accumulate(1 - merges.height)
    # Groups without neighbors in each other are at distance 1, whatever else they are joined with.
    rest = np.unique(merges.labels(len(vectors), len(distance)))[1:]
    first = np.concatenate([merges.first, np.zeros_like(rest)])
    return Tree(len(vectors), first, np.concatenate([merges.second, rest]), np.append(distance, np.ones(len(rest))))
