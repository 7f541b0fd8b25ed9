"""A fitted forest laid out in arrays, so that hundreds of thousands of pairs are judged in one compiled loop.

scikit-learn calls each tree by itself, with new arrays for every answer; with a thousand small trees over all candidate
pairs, that is most of the time that learning from labels takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier


@dataclass(frozen=True)
class Forest:
    """Trees in one array, a node an entry; a leaf has itself as both children.

    Attributes:
        roots: int32 (trees,).
        feature, left, right: of each node, int32.
        threshold: values up to it go left, float64.
        share: of the matches among the labels at each node, float64.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    threshold: NDArray[np.float64]
    share: NDArray[np.float64]

    def votes(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Mean share of matches at the leaves that each row falls into, (n,)."""
        total: NDArray[np.float64] = _total_shares(
            np.ascontiguousarray(rows, dtype=np.float32),
            self.roots,
            self.feature,
            self.left,
            self.right,
            self.threshold,
            self.share,
        )
        return total / len(self.roots)


def lay_out(model: ExtraTreesClassifier) -> Forest:
    """The trees of a fitted classifier of the labels 0 and 1."""
    trees = [tree.tree_ for tree in model.estimators_]
    starts = np.cumsum([0, *(tree.node_count for tree in trees)])
    one = list(model.classes_).index(1)
    feature, left, right, threshold, share = [], [], [], [], []
    for start, tree in zip(starts[:-1].tolist(), trees, strict=True):
        leaf, itself = tree.children_left < 0, np.arange(tree.node_count)
        feature.append(np.where(leaf, 0, tree.feature))
        left.append(start + np.where(leaf, itself, tree.children_left))
        right.append(start + np.where(leaf, itself, tree.children_right))
        threshold.append(tree.threshold)
        share.append(tree.value[:, 0, one] / tree.value[:, 0].sum(axis=1))
    return Forest(
        roots=starts[:-1].astype(np.int32),
        feature=np.concatenate(feature).astype(np.int32),
        left=np.concatenate(left).astype(np.int32),
        right=np.concatenate(right).astype(np.int32),
        threshold=np.concatenate(threshold),
        share=np.concatenate(share),
    )


@nb.njit(cache=True)
def _total_shares(
    rows: NDArray[np.float32],
    roots: NDArray[np.int32],
    feature: NDArray[np.int32],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    threshold: NDArray[np.float64],
    share: NDArray[np.float64],
) -> NDArray[np.float64]:
    total = np.zeros(len(rows))
    for row in range(len(rows)):
        for root in roots:
            node = root
            while left[node] != node:
                node = left[node] if rows[row, feature[node]] <= threshold[node] else right[node]
            total[row] += share[node]
    return total
