"""Where to cut a tree: at the best agreement with labels, or without labels where the groups are most stable.

The clustering changes only at the distances of the joins, so one walk up the tree sees every clustering that a cut can
give. What a walk chooses is an interval of cuts that all give it; the cut is its middle, as far as can be from both ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.clusters import adjusted_rand
from kinfolk.evaluation.links import f1_score
from kinfolk.linking.tree import Tree

Agreement = Literal["adjusted_rand", "pairwise_f1"]

_ROUNDING = 1e-6  # distance of one vector from itself, computed twice
_FARTHEST = 2.0  # cosine distance of opposite vectors


@dataclass(frozen=True)
class Cut:
    """A cut and the interval it was taken from.

    Attributes:
        cut: cosine distance up to which groups are joined, in [0, 2]; the middle of the interval.
        score: what was maximized, at this cut.
        low, high: every cut from low up to, but without, high has this score.
    """

    cut: float
    score: float
    low: float
    high: float


def choose_cut(tree: Tree, labels: npt.ArrayLike, *, by: Agreement = "adjusted_rand") -> Cut:
    """Choose the cut whose groups agree best with labels, of all cuts there are.

    Of equally good intervals the widest is taken, then the lowest. The counts of the contingency table are updated join by
    join, smaller groups into larger, in O(n log n). Choose on validation labels, never on those it is judged by.

    Args:
        tree: of n records.
        labels: the true group of each record, int (n,); -1 where it is not known, which leaves the record out of the count.
        by: "adjusted_rand" (Hubert and Arabie 1985) or "pairwise_f1".

    Raises:
        ConfigurationError: another measure.
        DataError: labels that do not fit, or of less than two groups: any cut that is high enough would then be right.
    """
    if by not in get_args(Agreement):
        raise ConfigurationError(f"by must be {' or '.join(get_args(Agreement))}. Got {by!r}.")
    truth = np.asarray(labels)
    if truth.shape != (tree.num_records,) or truth.dtype.kind not in "iu" or (truth < -1).any():
        raise DataError(
            f"labels must be one integer a record, at least 0, or -1 where not known: ({tree.num_records},). Got "
            f"{truth.dtype}, {truth.shape}."
        )
    sizes = np.unique(truth[truth >= 0], return_counts=True)[1]
    if sizes.size < 2:
        raise DataError(f"labels must hold two groups at least, or any high cut would be right. Got {sizes.size}.")
    same_both, same_predicted = _shared_pairs(tree, truth)
    same_truth, size = int((sizes * (sizes - 1) // 2).sum()), int(sizes.sum())
    score = [
        adjusted_rand(both, predicted, same_truth, size)
        if by == "adjusted_rand"
        else f1_score(both, predicted, same_truth)[2]
        for both, predicted in zip(same_both, same_predicted, strict=True)
    ]
    return _widest_best(tree, np.array(score))


def stable_cut(tree: Tree) -> Cut:
    """Choose a cut without labels: the one whose groups stay as they are over the widest ranges of cuts.

    A group is born at the distance of its last join and dies at that of the next. A cut scores the mean over all records of
    ``(sqrt(death) - sqrt(birth)) ** 2`` of their groups: the square of how much farther, in Euclidean distance, the
    group is from the rest than its parts are from each other. Records that are alone, and a group of all, count 0, and equal
    records count as one. The square keeps a chain of many records that is about to grow from outweighing a few groups that
    are clearly apart.

    It finds groups that are about equally dense, of whatever sizes, among records that are alone. It cannot tell that all
    records are alone, or all one group; it joins too much where less than about a fifth of the records have a partner; it
    takes near-duplicates for the groups where most records have some; and no single cut fits groups of very different
    density. A few labels and ``choose_cut`` are better.

    The idea that a group matters as much as it lasts is that of Campello, Moulavi & Sander, "Density-based clustering based
    on hierarchical density estimates", PAKDD 2013; a single cut chosen by it, and this measure, are a project definition.

    Raises:
        DataError: no group dies after it was born, as with less than three different records.
    """
    num, joins = tree.num_records, len(tree.distance)
    first, second = _joined_groups(tree)
    birth, size = np.zeros(num + joins), np.ones(num + joins)
    birth[num:] = tree.distance
    equal = int(
        (tree.distance <= _ROUNDING).sum()
    )  # joins of equal records, the first ones: those groups keep the size 1
    for join in range(equal, joins):
        size[num + join] = size[first[join]] + size[second[join]]
    death = birth.copy()  # of the last group, which is never joined
    death[first], death[second] = tree.distance, tree.distance
    worth = np.zeros(num + joins)
    several = size > 1
    worth[several] = size[several] * (np.sqrt(death[several]) - np.sqrt(birth[several])) ** 2
    score = np.append(0, np.cumsum(worth[num:] - worth[first] - worth[second])) / max(num - equal, 1)
    if not worth.any():
        raise DataError(
            "stable_cut needs a group of records that is closer within than to the rest. All records are joined at one "
            "distance. Choose the cut yourself, or with labels."
        )
    return _widest_best(tree, score)


def _widest_best(tree: Tree, score: npt.NDArray[np.float64]) -> Cut:
    """The widest interval of cuts with the highest score; ``score[j]`` is that after the first j joins."""
    ends = np.concatenate([[0.0], tree.distance, [max([_FARTHEST, *tree.distance[-1:]])]])
    # The groups after j joins are there for cuts in [ends[j], ends[j + 1]): for none between joins of equal distance.
    there = np.flatnonzero(np.append(ends[1:-1] > ends[:-2], True))
    low, high, value = ends[:-1][there], ends[1:][there], score[there]
    best = value == value.max()
    starts = np.flatnonzero(best & ~np.append(False, best[:-1]))
    stops = np.flatnonzero(best & ~np.append(best[1:], False))
    widest = int(np.argmax(high[stops] - low[starts]))
    bottom, top = float(low[starts[widest]]), float(high[stops[widest]])
    middle = (bottom + top) / 2
    return Cut(middle if middle < top else bottom, float(value.max()), bottom, top)


def _joined_groups(tree: Tree) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Which two groups each join joins: records are groups 0 .. n - 1, and join j makes group n + j."""
    num, joins = tree.num_records, len(tree.distance)
    parent = list(range(num + joins))
    groups = np.empty((2, joins), dtype=np.int64)
    for join, ends in enumerate(zip(tree.first.tolist(), tree.second.tolist(), strict=True)):
        for side, record in enumerate(ends):
            group = record
            while parent[group] != group:
                parent[group] = parent[parent[group]]
                group = parent[group]
            groups[side, join] = group
            parent[group] = num + join
    return groups[0], groups[1]


def _shared_pairs(tree: Tree, truth: npt.NDArray[np.integer]) -> tuple[list[int], list[int]]:
    """Pairs of labeled records that share a group, and those that share a label too, after each number of joins."""
    counts: list[dict[int, int]] = [{label: 1} if label >= 0 else {} for label in truth.tolist()]
    totals = [len(count) for count in counts]
    both, predicted = [0], [0]
    for first, second in zip(*(groups.tolist() for groups in _joined_groups(tree)), strict=True):
        small, large = sorted((counts[first], counts[second]), key=len)
        predicted.append(predicted[-1] + totals[first] * totals[second])
        both.append(both[-1] + sum(number * large.get(label, 0) for label, number in small.items()))
        for label, number in small.items():
            large[label] = large.get(label, 0) + number
        counts.append(large)
        totals.append(totals[first] + totals[second])
    return both, predicted
