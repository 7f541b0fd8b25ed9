"""The cut on a score that gives the highest F1 when the truth is known: what a chosen cut is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kinfolk.errors import ConfigurationError, DataError


@dataclass(frozen=True)
class BestCut:
    """A cut and what it gives.

    Attributes:
        threshold: pairs with a score of at least this are links; infinite if no pair should be one.
        precision, recall, f1: at this cut, in [0, 1].
    """

    threshold: float
    precision: float
    recall: float
    f1: float


def best_cut(probability: ArrayLike, correct: ArrayLike, num_true: int | None = None) -> BestCut:
    """Find the cut with the highest F1, in O(n log n).

    The threshold is itself one of the scores and pairs *at* it are links, so pairs of equal score stay together. Of
    several cuts with the same F1 the lowest is given: it links more.

    Args:
        probability: scores, any range, larger means more likely a match, shape (n,).
        correct: whether each pair is a true match, shape (n,).
        num_true: number of true matches, also those that are not among the pairs; None = those among the pairs.

    Returns:
        The cut and its precision, recall and F1. If no pair is correct, the threshold is infinite and F1 is 0.

    Raises:
        DataError: lengths differ, or a score is NaN.
        ConfigurationError: ``num_true`` is smaller than the number of correct pairs.
    """
    scores, truth = np.asarray(probability, dtype=np.float64), np.asarray(correct).astype(np.bool_)
    if scores.ndim != 1 or scores.shape != truth.shape:
        raise DataError(f"best_cut needs one truth for each score. Got shapes {scores.shape}, {truth.shape}.")
    if np.isnan(scores).any():
        raise DataError(f"best_cut needs scores that are numbers. Row {int(np.isnan(scores).argmax()) + 1} is NaN.")
    num_correct = int(truth.sum())
    total = num_correct if num_true is None else num_true
    if total < num_correct:
        raise ConfigurationError(f"num_true must count every true match, at least {num_correct} here. Got {num_true}.")
    if num_correct == 0:
        return BestCut(threshold=float("inf"), precision=0.0, recall=0.0, f1=0.0)
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    hits = np.cumsum(truth[order])[ends]
    linked = ends + 1
    f1 = 2.0 * hits / (linked + total)
    best = int(ends.size - 1 - np.argmax(f1[::-1]))
    return BestCut(
        threshold=float(ordered[ends[best]]),
        precision=float(hits[best] / linked[best]),
        recall=float(hits[best] / total),
        f1=float(f1[best]),
    )
