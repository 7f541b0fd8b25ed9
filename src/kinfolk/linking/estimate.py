"""Precision, recall and F1 without truth, from the match probabilities of the candidate pairs."""

from __future__ import annotations

import numpy as np

from kinfolk.evaluation.interval import Estimate, Interval

_MISCALIBRATION = 0.03  # how far mean probabilities may be off; what calibration on real tables has shown


def estimate_from_probabilities(probability: np.ndarray, link: np.ndarray, candidate_recall: float = 1.0) -> Estimate:
    """Expected precision, recall and F1 of the links, if the probabilities are right.

    Precision is the mean probability of the links and recall the share of all expected matches that were linked. The
    intervals add the chance in as many independent pairs to an allowance for probabilities that are off by .03.

    Args:
        probability: match probability of each winning candidate pair, (n,).
        link: which of them are links, bool (n,).
        candidate_recall: share of the true matches that are candidates at all.
    """
    linked, left_out = probability[link], probability[~link]
    found, missed = float(linked.sum()), float(left_out.sum())
    outside = (found + missed) * (1 / max(candidate_recall, 1e-6) - 1)
    total = found + missed + outside
    variance_found = float((linked * (1 - linked)).sum())
    variance_missed = float((left_out * (1 - left_out)).sum())
    slack_found = 1.96 * np.sqrt(variance_found) + _MISCALIBRATION * len(linked)
    slack_missed = 1.96 * np.sqrt(variance_missed) + _MISCALIBRATION * missed
    num_links = max(1, len(linked))

    def figures(correct: float, other: float) -> tuple[float, float, float]:
        correct = float(np.clip(correct, 0, len(linked)))
        other = max(0.0, other)
        return (
            correct / num_links,
            correct / max(correct + other, 1e-9),
            2 * correct / max(num_links + correct + other, 1),
        )

    value = figures(found, missed + outside)
    low = figures(found - slack_found, missed + outside + slack_missed)
    high = figures(found + slack_found, missed + outside - slack_missed)
    precision, recall, f1 = (Interval(v, min(v, a), max(v, b)) for v, a, b in zip(value, low, high, strict=True))
    spread = float(slack_found + slack_missed)
    return Estimate(precision, recall, f1, Interval(total, max(0.0, total - spread), total + spread), "model")
