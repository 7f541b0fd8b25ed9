"""How well scores tell which labels belong to which texts, frequent labels and rare ones.

Source: micro and macro average precision, and five buckets of labels of equal mass, are the measures of Rethmeier &
Augenstein, "Data-efficient pretraining via contrastive self-supervision", 2020, arXiv 2010.01061.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.errors import DataError
from kinfolk.evaluation.pair_classification import average_precision


@dataclass(frozen=True)
class LabelMetrics:
    """Scores of labels on texts of known truth.

    Attributes:
        macro: mean over labels of the average precision of a label among texts, in [0, 1].
        micro: average precision of all pairs of a text and a label, in [0, 1].
        accuracy: share of the texts with a label whose best label is one of theirs, in [0, 1].
        buckets: mean average precision of the labels of each bucket, the most frequent labels first.
    """

    macro: float
    micro: float
    accuracy: float
    buckets: tuple[float, ...]


def evaluate_labels(scores: npt.ArrayLike, truth: npt.ArrayLike, *, num_buckets: int = 5) -> LabelMetrics:
    """Judge scores of labels. Labels that no text has are left out of all but ``micro`` and ``accuracy``.

    Args:
        scores: the higher, the more likely a label belongs to a text, (texts, labels).
        truth: whether it does, (texts, labels).
        num_buckets: at least 1. Labels are sorted by frequency and cut where the frequencies add up to equal parts; a bucket
            in which no label falls is left out.

    Raises:
        DataError: shapes that do not fit, a score that is NaN, or no text with a label.
    """
    values, belongs = np.asarray(scores, dtype=np.float64), np.asarray(truth).astype(np.bool_)
    if values.ndim != 2 or values.shape != belongs.shape or np.isnan(values).any():
        raise DataError(f"Each text and label needs a score that is a number. Got {values.shape} and {belongs.shape}.")
    if num_buckets < 1:
        raise DataError(f"num_buckets must be at least 1. Got {num_buckets}.")
    micro = average_precision(values.ravel(), belongs.ravel())
    frequency = belongs.sum(0)
    labels = [int(label) for label in np.argsort(-frequency, kind="stable") if frequency[label]]
    of_labels = np.array([average_precision(values[:, label], belongs[:, label]) for label in labels])
    mass = frequency[labels]
    # A label falls into the bucket in which the middle of its mass lies.
    bucket = ((np.cumsum(mass) - mass / 2) * num_buckets // mass.sum()).astype(np.int64)
    has_label = belongs.any(1)
    best = values.argmax(1)
    return LabelMetrics(
        macro=float(of_labels.mean()),
        micro=micro,
        accuracy=float(belongs[np.arange(len(best)), best][has_label].mean()),
        buckets=tuple(float(of_labels[bucket == number].mean()) for number in np.unique(bucket)),
    )
