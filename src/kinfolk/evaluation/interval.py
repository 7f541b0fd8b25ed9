"""A figure with its uncertainty, and the three figures people ask of a linkage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


@dataclass(frozen=True)
class Estimate:
    """Precision, recall and F1 without full truth, from the model's own probabilities or from an audit.

    Attributes:
        precision: share of the links that are right, in [0, 1].
        recall: share of the true matches that were linked, in [0, 1]: of all of them if ``candidate_recall`` is known,
            otherwise of those among the candidates.
        f1: harmonic mean of the two.
        num_matches: number of these matches, linked or not.
        source: where the figures come from.
        candidate_recall: share of the true matches that are candidates, in [0, 1]; None where it cannot be estimated.
    """

    precision: Interval
    recall: Interval
    f1: Interval
    num_matches: Interval
    source: Literal["model", "audit"]
    candidate_recall: Interval | None = None
