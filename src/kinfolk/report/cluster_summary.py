"""What the clusters report needs to know of the clusters: sizes, members, and the pair each one hangs by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from kinfolk.report.pair_table import PairTable
from kinfolk.report.score_summary import Ints


@dataclass(frozen=True, eq=False)
class ClusterSummary:
    """Clusters numbered from 0 in the order of their labels.

    Attributes:
        sizes: records in each cluster, (num_clusters,).
        order: row numbers sorted by cluster, (num_records,).
        starts: where each cluster begins in ``order``, (num_clusters,).
        weakest: cluster -> (pair, probability): the weakest pair on the strongest tree that joins the cluster.
    """

    sizes: Ints
    order: Ints
    starts: Ints
    weakest: dict[int, tuple[int, float]]

    def members(self, cluster: int) -> Ints:
        """Row numbers of a cluster's records."""
        return self.order[self.starts[cluster] : self.starts[cluster] + self.sizes[cluster]]

    def weakest_probability(self, cluster: int) -> float | None:
        """Probability of the pair the cluster hangs by; None for a single record or without pairs."""
        return self.weakest[cluster][1] if cluster in self.weakest else None

    def biggest(self, number: int) -> list[int]:
        """The largest clusters of at least two records."""
        order = np.argsort(-self.sizes, kind="stable")[:number]
        return [int(c) for c in order if self.sizes[c] > 1]

    def doubtful(self, number: int) -> list[tuple[int, int]]:
        """The clusters whose weakest pair is least probable, with that pair."""
        ranked = sorted(self.weakest.items(), key=lambda item: item[1][1])[:number]
        return [(cluster, pair) for cluster, (pair, _) in ranked]


def cluster_summary(labels: Ints, pairs: PairTable) -> ClusterSummary:
    """Sizes, members and weakest pairs.

    Args:
        labels: cluster of each record, (num_records,).
        pairs: candidate pairs of the records.
    """
    _, cluster_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    order = np.argsort(cluster_of, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]) if len(sizes) else np.zeros(0)
    weakest = _weakest(cluster_of.astype(np.int64), pairs)
    return ClusterSummary(sizes.astype(np.int64), order.astype(np.int64), starts.astype(np.int64), weakest)


def _weakest(cluster_of: Ints, pairs: PairTable) -> dict[int, tuple[int, float]]:
    """For each cluster the weakest edge of its maximum spanning tree: the pair without which it would fall apart."""
    if not len(pairs):
        return {}
    inside = np.flatnonzero(pairs.link & (cluster_of[pairs.left_rows] == cluster_of[pairs.right_rows]))
    left, right = pairs.left_rows[inside], pairs.right_rows[inside]
    # An edge of weight 0 would not exist for scipy, so lengths start at 1; the shortest tree is the most probable one.
    length = 2.0 - np.nan_to_num(pairs.probability[inside], nan=0.0)
    n = len(cluster_of)
    tree = minimum_spanning_tree(coo_matrix((length, (left, right)), shape=(n, n)).tocsr()).tocoo()
    # Find each edge of the tree among the pairs again, whichever way round it was stored.
    keys = np.minimum(left, right) * n + np.maximum(left, right)
    sorted_keys = np.argsort(keys, kind="stable")
    edges = np.minimum(tree.row, tree.col).astype(np.int64) * n + np.maximum(tree.row, tree.col)
    tree_pairs = inside[sorted_keys[np.searchsorted(keys, edges, sorter=sorted_keys)]]
    # In order of probability the first pair of each cluster is its weakest.
    tree_pairs = tree_pairs[np.argsort(pairs.probability[tree_pairs], kind="stable")]
    clusters, first = np.unique(cluster_of[pairs.left_rows[tree_pairs]], return_index=True)
    chosen = tree_pairs[first].tolist()
    return {int(c): (p, float(pairs.probability[p])) for c, p in zip(clusters.tolist(), chosen, strict=True)}
