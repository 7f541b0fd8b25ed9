"""The similarity below which the nearest record is no answer: the cut at which "none" is said most rightly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kinfolk.errors import DataError


@dataclass(frozen=True)
class NoneThreshold:
    """A cut on the similarity of the nearest record, and what it gives on the queries it was chosen on.

    Attributes:
        threshold: the nearest record is the answer where its similarity is at least this; infinite if "none" always is.
        accuracy: share of queries with the right answer, in [0, 1].
        none_precision, none_recall, none_f1: of the answer "none", in [0, 1]; 0 where it is never right.
    """

    threshold: float
    accuracy: float
    none_precision: float
    none_recall: float
    none_f1: float


def none_threshold(similarity: ArrayLike, correct: ArrayLike, has_match: ArrayLike) -> NoneThreshold:
    """Choose the cut with the highest accuracy, exactly, in O(n log n).

    A query is answered rightly by the record it found if that is a true match, and by "none" if it has no match at all.
    The threshold is itself one of the similarities, and a query *at* it is answered. Of several cuts with the same
    accuracy the lowest is given: it answers more. Choose it on validation queries, never on those it is judged by.

    Args:
        similarity: of each query and the record it found, shape (n,); -inf where it found none, which is "none" at any cut.
        correct: whether that record is a true match, shape (n,).
        has_match: whether the query has a true match anywhere, shape (n,); at least one must have none.

    Raises:
        DataError: lengths differ, a similarity is NaN, a right answer where there is no match, or no query without a
            match, so that nothing speaks for a cut.
    """
    scores = np.asarray(similarity, dtype=np.float64)
    right, matched = np.asarray(correct).astype(np.bool_), np.asarray(has_match).astype(np.bool_)
    if scores.ndim != 1 or not scores.shape == right.shape == matched.shape:
        raise DataError(
            f"none_threshold needs one entry for each query. Got shapes {scores.shape}, {right.shape}, {matched.shape}."
        )
    if np.isnan(scores).any():
        raise DataError(f"similarity must be numbers. Row {int(np.isnan(scores).argmax()) + 1} is NaN.")
    right &= scores > -np.inf
    if (right & ~matched).any():
        row = int((right & ~matched).argmax()) + 1
        raise DataError(f"A query whose nearest record is correct must have a match. Row {row} says that it has none.")
    if matched.all():
        raise DataError(
            "none_threshold needs queries without a match, or nothing speaks for a cut. Got none among "
            f"{scores.size}. Add some, or answer always."
        )
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    # The first k of the order are answered: k = 0, or up to the end of a run of equal similarities that are finite.
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True) & (ordered > -np.inf)) + 1
    answered = np.concatenate([[0], ends])
    answers = np.concatenate([[0], np.cumsum(right[order])])[answered]
    nones = np.concatenate([[0], np.cumsum(~matched[order])])
    right_nones = nones[-1] - nones[answered]
    best = int(answered.size - 1 - np.argmax((answers + right_nones)[::-1]))
    said, true, hits = scores.size - int(answered[best]), int(nones[-1]), int(right_nones[best])
    return NoneThreshold(
        threshold=float(ordered[answered[best] - 1]) if answered[best] else float("inf"),
        accuracy=float((answers[best] + hits) / scores.size),
        none_precision=hits / said if said else 0.0,
        none_recall=hits / true,
        none_f1=2.0 * hits / (said + true),
    )
