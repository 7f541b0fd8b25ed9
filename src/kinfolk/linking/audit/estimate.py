"""Precision, recall and F1 from judged pairs: nearly unbiased values, and intervals that hold with few answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfolk.evaluation.interval import Estimate, Interval
from kinfolk.linking.audit.posterior import draw_totals
from kinfolk.linking.audit.sample import Sample

# Nominal level of the intervals stated as 95 %: the probabilities may be off in more ways than the model of them knows.
# benchmarks/audit_coverage.py shows how often they hold.
_LEVEL = 0.97


@dataclass(frozen=True)
class Total:
    """Number of matches in one part, scaled up from its strata, and the variance of that number."""

    value: float
    variance: float


def estimate_from_answers(sample: Sample, asked: NDArray[np.int64], answers: NDArray[np.bool_]) -> Estimate | None:
    """Precision, recall (of the matches among the candidates) and F1 of the links.

    The values do not lean on the probabilities: the number of matches in each part is the sum over strata of the
    stratum's size times its share of yes, which is unbiased. Precision is that of the links divided by their number;
    recall and F1 are ratios of such numbers with Beale's correction (1962), nearly unbiased. The intervals come from the
    distribution of ``draw_totals``, are stretched to hold the value, and reach the bound that no answer speaks against.
    F1's ends are those of precision and recall combined, which makes it rather wide.

    Args:
        sample: the strata.
        asked: positions of the judged pairs, (m,).
        answers: whether each is a match, (m,).

    Returns:
        The estimate; None while there are links, or other candidates, and none of them has been judged.
    """
    linked = sample.linked[sample.stratum]
    asked_linked = linked[asked]
    if any(bool((linked == part).any()) and not bool((asked_linked == part).any()) for part in (True, False)):
        return None
    found, missed = (total_of(sample, asked, answers, part) for part in (True, False))
    found_draws, missed_draws = (_draws(sample, asked, answers, part) for part in (True, False))
    num_links = max(1, int(linked.sum()))
    # A posterior without mass at its bound would exclude perfection even when nothing speaks against it.
    found_best = np.full_like(found_draws, linked.sum()) if answers[asked_linked].all() else found_draws
    missed_best = missed_draws if answers[~asked_linked].any() else np.zeros_like(missed_draws)
    precision = _interval(found.value / num_links, found_draws / num_links, found_best / num_links)
    recall = _interval(
        _ratio(found.value, found.value + missed.value, found.variance, found.variance + missed.variance),
        found_draws / np.maximum(found_draws + missed_draws, 1),
        found_best / np.maximum(found_best + missed_best, 1),
    )
    f1 = _ratio(
        2 * found.value,
        num_links + found.value + missed.value,
        2 * found.variance,
        found.variance + missed.variance,
    )
    ends = _harmonic(precision.low, recall.low), _harmonic(precision.high, recall.high)
    all_draws = found_draws + missed_draws
    num_matches = _interval(found.value + missed.value, all_draws, all_draws)
    return Estimate(precision, recall, Interval(f1, min(f1, ends[0]), max(f1, ends[1])), num_matches, "audit")


def total_of(sample: Sample, asked: NDArray[np.int64], answers: NDArray[np.bool_], part: bool) -> Total:
    """Scale the answers of one part up; a stratum without answers takes the share of the nearest one that has some."""
    value, variance = 0.0, 0.0
    sizes = np.bincount(sample.stratum, minlength=len(sample.linked))
    numbers = np.flatnonzero(sample.linked == part)
    groups = {number: answers[sample.stratum[asked] == number] for number in numbers}
    judged = np.array([number for number in numbers if len(groups[number])])
    for number in numbers:
        group = groups[number]
        if not len(group):
            group = groups[judged[int(np.argmin(np.abs(judged - number)))]]
        size, count, share = float(sizes[number]), len(group), float(group.mean())
        value += size * share
        if count > 1:
            variance += size**2 * max(0.0, 1 - count / size) * share * (1 - share) / (count - 1)
    return Total(value, variance)


def _draws(sample: Sample, asked: NDArray[np.int64], answers: NDArray[np.bool_], part: bool) -> NDArray[np.float64]:
    inside = sample.linked[sample.stratum] == part
    place = np.cumsum(inside) - 1
    chosen = inside[asked]
    return draw_totals(sample.log_odds[inside], sample.stratum[inside], place[asked[chosen]], answers[chosen])


def _interval(value: float, draws: NDArray[np.float64], best: NDArray[np.float64]) -> Interval:
    low, high = float(np.quantile(draws, (1 - _LEVEL) / 2)), float(np.quantile(best, (1 + _LEVEL) / 2))
    return Interval(value, min(low, value), max(high, value))


def _ratio(above: float, below: float, covariance: float, variance: float) -> float:
    """Beale's ratio estimate in [0, 1] of two estimated totals; ``variance`` is that of the lower one."""
    if above <= 0 or below <= 0:
        return 0.0
    return min(1.0, above / below * (1 + covariance / (above * below)) / (1 + variance / below**2))


def _harmonic(a: float, b: float) -> float:
    return 2 * a * b / (a + b) if a + b > 0 else 0.0
