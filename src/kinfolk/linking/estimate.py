"""Precision, recall and F1 without truth, from the match probabilities of the candidate pairs."""

from __future__ import annotations

import numpy as np

from kinfolk.evaluation.interval import Estimate, Interval

_MISCALIBRATION = 0.03  # allowance for a model that is somewhat off; nothing here can know that it is far off


def estimate_from_probabilities(probability: np.ndarray, link: np.ndarray) -> Estimate:
    """Expected precision, recall and F1 of the links, if the probabilities are right.

    Precision is the mean probability of the links and recall the share of all expected matches that were linked. The
    intervals add the chance in as many independent pairs to an allowance for probabilities that are off by .03. They are
    no better than the model: true matches that are no candidates are not counted, and where the truth disagrees with
    what the records say, neither is that.

    Args:
        probability: match probability of each winning candidate pair, (n,).
        link: which of them are links, bool (n,).
    """
    linked, left_out = probability[link], probability[~link]
    found, missed = float(linked.sum()), float(left_out.sum())
    total = found + missed
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

    value = figures(found, missed)
    low = figures(found - slack_found, missed + slack_missed)
    high = figures(found + slack_found, missed - slack_missed)
    precision, recall, f1 = (Interval(v, min(v, a), max(v, b)) for v, a, b in zip(value, low, high, strict=True))
    spread = float(slack_found + slack_missed)
    return Estimate(precision, recall, f1, Interval(total, max(0.0, total - spread), total + spread), "model")
