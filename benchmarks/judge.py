"""The judge: the same few measures for kinfolk and for every peer, from scored pairs or clusters and the truth.

It is written in numpy, apart from ``kinfolk.evaluation``, so that no tool is judged by its own arithmetic.

One-to-one F1: pairs are taken greedily from the highest score down, each record at most once; equal scores are taken in
an order that does not depend on the ids (ids of a set may run parallel on both sides, which would be a gift).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Verdict:
    """Precision, recall and F1 of a set of links, each in [0, 1], and the cut they were made with."""

    precision: float
    recall: float
    f1: float
    num_links: int
    threshold: float | None = None

    def as_json(self) -> dict[str, float | int | None]:
        return {key: round(value, 5) if isinstance(value, float) else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class CodedPairs:
    """Scored pairs with ids turned into small integers, and which of them are true."""

    left: IntArray
    right: IntArray
    score: FloatArray
    correct: BoolArray
    num_true: int


def code_pairs(
    left_ids: Sequence[str], right_ids: Sequence[str], score: Sequence[float], truth: Sequence[tuple[str, str]]
) -> CodedPairs:
    """Codes scored pairs against all true links; a pair given twice keeps its higher score."""
    best: dict[tuple[str, str], float] = {}
    for pair, value in zip(zip(left_ids, right_ids, strict=True), score, strict=True):
        if value > best.get(pair, -np.inf):
            best[pair] = float(value)
    true = set(truth)
    left_codes: dict[str, int] = {}
    right_codes: dict[str, int] = {}
    left = np.fromiter((left_codes.setdefault(a, len(left_codes)) for a, _ in best), np.int64, len(best))
    right = np.fromiter((right_codes.setdefault(b, len(right_codes)) for _, b in best), np.int64, len(best))
    correct = np.fromiter((pair in true for pair in best), np.bool_, len(best))
    return CodedPairs(left, right, np.fromiter(best.values(), np.float64, len(best)), correct, len(true))


def one_to_one(pairs: CodedPairs) -> IntArray:
    """Rows kept by greedy one-to-one assignment, from the highest score down."""
    order = np.random.default_rng(0).permutation(len(pairs.score))
    order = order[np.argsort(-pairs.score[order], kind="stable")]
    used_left = np.zeros(pairs.left.max(initial=-1) + 1, dtype=bool)
    used_right = np.zeros(pairs.right.max(initial=-1) + 1, dtype=bool)
    kept = []
    for row in order.tolist():
        a, b = pairs.left[row], pairs.right[row]
        if not used_left[a] and not used_right[b]:
            used_left[a] = used_right[b] = True
            kept.append(row)
    return np.asarray(kept, dtype=np.int64)


def verdict(num_correct: int, num_links: int, num_true: int, threshold: float | None = None) -> Verdict:
    """Precision, recall and F1 from counts; no links at all has precision 1 and recall 0."""
    precision = num_correct / num_links if num_links else 1.0
    recall = num_correct / num_true if num_true else 1.0
    f1 = 2 * num_correct / (num_links + num_true) if num_links + num_true else 1.0
    return Verdict(precision, recall, f1, num_links, threshold)


def at_cut(pairs: CodedPairs, chosen: BoolArray, threshold: float | None = None, *, assign: bool = True) -> Verdict:
    """Judges the pairs a tool chose, after one-to-one assignment among them or (``assign=False``) as they are."""
    rows = np.flatnonzero(chosen)
    if assign:
        chosen_pairs = CodedPairs(
            pairs.left[rows], pairs.right[rows], pairs.score[rows], pairs.correct[rows], pairs.num_true
        )
        rows = rows[one_to_one(chosen_pairs)]
    return verdict(int(pairs.correct[rows].sum()), len(rows), pairs.num_true, threshold)


def best_cut(pairs: CodedPairs) -> Verdict:
    """The best F1 any cut on the score reaches after one-to-one assignment: what is possible WITH the truth."""
    rows = one_to_one(pairs)
    if not len(rows):
        return verdict(0, 0, pairs.num_true)
    score, correct = pairs.score[rows], pairs.correct[rows]
    num_links = np.arange(1, len(rows) + 1)
    num_correct = np.cumsum(correct)
    f1 = 2 * num_correct / (num_links + pairs.num_true)
    # A cut cannot part equal scores.
    f1[:-1][score[:-1] == score[1:]] = -1.0
    last = int(np.argmax(f1))
    return verdict(int(num_correct[last]), last + 1, pairs.num_true, float(score[last]))


def calibration_error(probability: FloatArray, correct: BoolArray, *, num_bins: int = 10) -> float:
    """Expected calibration error over equal-width bins of the probability (Naeini et al., 2015)."""
    if not len(probability):
        return 0.0
    bins = np.minimum((probability * num_bins).astype(np.int64), num_bins - 1)
    count = np.bincount(bins, minlength=num_bins)
    gap = np.bincount(bins, probability, num_bins) - np.bincount(bins, correct.astype(np.float64), num_bins)
    return float(np.abs(gap).sum() / count.sum())


def judge_clusters(predicted: Mapping[str, str], truth: Mapping[str, str], threshold: float | None = None) -> Verdict:
    """Pairwise precision, recall and F1 of a clustering; a record left out of ``predicted`` stands alone."""

    def num_pairs(sizes: Counter[str] | Counter[tuple[str, str]]) -> int:
        return sum(size * (size - 1) // 2 for size in sizes.values())

    label = {record: predicted.get(record, f"alone\0{record}") for record in truth}
    together = num_pairs(Counter((label[record], truth[record]) for record in truth))
    return verdict(together, num_pairs(Counter(label.values())), num_pairs(Counter(truth.values())), threshold)
