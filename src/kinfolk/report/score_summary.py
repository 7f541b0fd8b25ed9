"""The numbers behind the plots: score histogram, expected precision and recall by cut, probability bands."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Evidence = npt.NDArray[np.floating]  # single precision as stored: there are many pairs and several comparisons

LOGIT_LIMIT = 9.21  # probability 0.0001 … 0.9999; everything beyond falls into the outermost bins
BAND_EDGES = (0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0)


def logit(probability: Floats) -> Floats:
    """Natural log-odds, clipped to the plotted range."""
    low = 1 / (1 + np.exp(LOGIT_LIMIT))
    inside = np.clip(np.nan_to_num(probability, nan=0.0), low, 1 - low)
    return np.asarray(np.clip(np.log(inside / (1 - inside)), -LOGIT_LIMIT, LOGIT_LIMIT), dtype=np.float64)


@dataclass(frozen=True)
class ScoreHistogram:
    """Counts of linked and other candidate pairs in equal bins of log-odds; ``edges`` has one more entry."""

    edges: Floats
    linked: Ints
    other: Ints


def score_histogram(probability: Floats, link: Bools, *, num_bins: int = 44) -> ScoreHistogram:
    """Count the candidate pairs by log-odds."""
    edges = np.linspace(-LOGIT_LIMIT, LOGIT_LIMIT, num_bins + 1)
    position = logit(probability)
    return ScoreHistogram(
        edges,
        np.histogram(position[link], edges)[0].astype(np.int64),
        np.histogram(position[~link], edges)[0].astype(np.int64),
    )


def sides_with_one_partner(left: Ints, right: Ints, relation: str) -> tuple[Ints, ...]:
    """The row numbers of the sides whose records have one partner at most."""
    return {"one-to-one": (left, right), "many-to-one": (left,), "one-to-many": (right,)}.get(relation, ())


def eligible_pairs(left: Ints, right: Ints, probability: Floats, link: Bools, relation: str) -> Bools:
    """Pairs that are linked or would be at a lower cut: those whose records are free, the best ones first.

    A pair that lost one of its records to a better link would not come in at any cut, so it takes no part in the curve.

    Args:
        left, right: row numbers, (n,).
        probability: (n,), in [0, 1].
        link: (n,), the pairs in the result.
        relation: which side may have only one partner.

    Returns:
        (n,) bool.
    """
    eligible = np.ones(len(left), dtype=bool)
    sides = sides_with_one_partner(left, right, relation)
    for rows in sides:
        eligible &= link | ~np.isin(rows, rows[link])
    order = np.argsort(-np.nan_to_num(probability, nan=0.0), kind="stable")
    for rows in sides:
        # The first appearance in the order of probability is the best free candidate of that record.
        free = order[eligible[order] & ~link[order]]
        best = np.zeros(len(left), dtype=bool)
        best[free[np.unique(rows[free], return_index=True)[1]]] = True
        eligible &= link | best
    return eligible


@dataclass(frozen=True)
class CutCurve:
    """Expected precision and recall if the cut were at each of ``cut`` (descending)."""

    cut: Floats
    num_links: Ints
    precision: Floats
    recall: Floats

    @property
    def f1(self) -> Floats:
        """Harmonic mean of precision and recall, 0 where both are."""
        total = self.precision + self.recall
        return np.divide(2 * self.precision * self.recall, total, out=np.zeros_like(total), where=total > 0)

    def at(self, cut: float) -> int | None:
        """Index of the point for a cut: the last one not below it; None when no pair reaches the cut."""
        reached = int(np.searchsorted(-self.cut, -cut, side="right"))
        return reached - 1 if reached else None


def expected_curve(probability: Floats, num_matches: float) -> CutCurve:
    """Precision and recall by cut, as the probabilities themselves promise them.

    Args:
        probability: of the pairs that would be linked one after the other as the cut sinks, (n,).
        num_matches: true matches there are, inside and outside the candidates.

    Returns:
        One point for each distinct probability, (m,), from the highest cut to the lowest.
    """
    ordered = np.sort(np.nan_to_num(probability, nan=0.0))[::-1]
    if not len(ordered):
        empty = np.zeros(0)
        return CutCurve(empty, np.zeros(0, dtype=np.int64), empty, empty)
    last_of_value = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    right = np.cumsum(ordered)[last_of_value]
    taken = last_of_value + 1
    # An audit may find fewer matches than the probabilities promise; recall must end at 1, not run into it.
    total = max(num_matches, float(right[-1])) if np.isfinite(num_matches) else float(right[-1])
    recall = right / total if total > 0 else np.zeros(len(right))
    return CutCurve(ordered[last_of_value], taken.astype(np.int64), right / taken, recall)


def thin(curve: CutCurve, num_points: int) -> Ints:
    """Indices of at most ``num_points`` points that keep the shape: evenly spaced in recall, with both ends."""
    if len(curve.cut) <= num_points:
        return np.arange(len(curve.cut))
    wanted = np.searchsorted(curve.recall, np.linspace(curve.recall[0], curve.recall[-1], num_points))
    return np.unique(np.append(np.minimum(wanted, len(curve.cut) - 1), [0, len(curve.cut) - 1]))


@dataclass(frozen=True)
class Band:
    """The candidate pairs with a probability from ``low`` up to, and not with, ``high`` (the last band includes 1)."""

    low: float
    high: float
    num_pairs: int
    num_linked: int
    expected_matches: float


def probability_bands(probability: Floats, link: Bools) -> tuple[Band, ...]:
    """Pairs, links and expected matches by band of probability."""
    values = np.nan_to_num(probability, nan=0.0)
    band = np.clip(np.searchsorted(BAND_EDGES, values, side="right") - 1, 0, len(BAND_EDGES) - 2)
    return tuple(
        Band(low, high, int((band == i).sum()), int(link[band == i].sum()), float(values[band == i].sum()))
        for i, (low, high) in enumerate(pairwise(BAND_EDGES))
    )


@dataclass(frozen=True)
class EvidenceSpread:
    """What one comparison said about the linked pairs and the others: 5th, 50th and 95th percentile of its log-odds."""

    label: str
    linked: tuple[float, float, float] | None
    other: tuple[float, float, float] | None


def evidence_spread(label: str, log_odds: Evidence, link: Bools) -> EvidenceSpread:
    """Percentiles of a comparison's evidence among links and among the other candidates; None where there are none."""

    def percentiles(values: Evidence) -> tuple[float, float, float] | None:
        finite = values[np.isfinite(values)]
        if not len(finite):
            return None
        low, middle, high = (float(v) for v in np.percentile(finite, [5, 50, 95]))
        return low, middle, high

    return EvidenceSpread(label, percentiles(log_odds[link]), percentiles(log_odds[~link]))


def candidate_counts(rows: Ints, num_records: int) -> Ints:
    """How many records have 0, 1, 2, … candidates: entry k counts the records with k of them."""
    return (
        np.bincount(np.bincount(rows, minlength=num_records)).astype(np.int64)
        if num_records
        else np.zeros(1, dtype=np.int64)
    )
