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
        recall: share of the true matches that were linked, in [0, 1].
        f1: harmonic mean of the two.
        num_matches: number of true matches there are, linked or not.
        source: where the figures come from.
    """

    precision: Interval
    recall: Interval
    f1: Interval
    num_matches: Interval
    source: Literal["model", "audit"]
