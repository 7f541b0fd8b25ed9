"""How well a similarity tells pairs that belong together from pairs that do not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.errors import DataError
from kinfolk.evaluation.cut import best_cut


@dataclass(frozen=True)
class PairMetrics:
    """A score on pairs of known truth.

    Attributes:
        average_precision: mean precision over the true pairs, of the pairs that score as high as each, in [0, 1].
        threshold: pairs with a score of at least this are taken for true; chosen on other pairs.
        precision, recall, f1: at this cut, in [0, 1].
    """

    average_precision: float
    threshold: float
    precision: float
    recall: float
    f1: float


def evaluate_pairs(
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    validation: tuple[npt.ArrayLike, npt.ArrayLike],
) -> PairMetrics:
    """Judge a score on pairs, with the cut that is best on others.

    Args:
        scores: the higher, the more likely a pair belongs together, (pairs,).
        labels: whether it does, (pairs,).
        validation: scores and labels of other pairs, on which the cut of the highest F1 is chosen.

    Raises:
        DataError: shapes that do not fit, a score that is NaN, or no true pair on either side.
    """
    cut = best_cut(*validation)
    if cut.threshold == float("inf"):
        raise DataError("A cut is chosen by true pairs. Got none among those of validation.")
    precision = average_precision(scores, labels)
    truth = np.asarray(labels).astype(np.bool_)
    taken = np.asarray(scores, dtype=np.float64) >= cut.threshold
    hits, said, total = int((taken & truth).sum()), int(taken.sum()), int(truth.sum())
    return PairMetrics(
        average_precision=precision,
        threshold=cut.threshold,
        precision=hits / said if said else 0.0,
        recall=hits / total,
        f1=2 * hits / (said + total),
    )


def average_precision(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Mean over the true pairs of the precision among all pairs that score at least as high, in (0, 1].

    Pairs of equal score come together, so that their order does not matter.

    Args:
        scores: (pairs,).
        labels: whether a pair belongs together, (pairs,).

    Raises:
        DataError: shapes that do not fit, a score that is NaN, or no true pair.
    """
    values, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels).astype(np.bool_)
    if values.ndim != 1 or values.shape != truth.shape or np.isnan(values).any():
        raise DataError(f"Each pair needs a score that is a number and a label. Got {values.shape}, {truth.shape}.")
    if not truth.any():
        raise DataError(f"Average precision needs a true pair. Got none among {len(truth)}.")
    order = np.argsort(-values, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(values[order]) != 0, True))
    hits = np.cumsum(truth[order])[ends]
    return float((np.diff(hits, prepend=0) * hits / (ends + 1)).sum() / hits[-1])
