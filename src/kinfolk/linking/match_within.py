"""Match probability within one table, without labels: what agreement in each field is worth against chance.

For a field with levels of agreement l, the weight of evidence is log((g M_l + (1 - g) U_l) / U_l): U is how often different
things agree that much (``agreement.chance_of_levels``), M how the same thing's values look when the field is kept faithfully,
a fixed profile, and g the share of matches whose field is kept. This is the model of Fellegi and Sunter (1969) with one
free number a field; with a free profile for every level, expectation-maximization drifts to whatever groups are easiest to
see, venues instead of papers.

g starts at the share of records whose value is found again in another record. It is then moved toward what the *other*
fields say: among pairs weighted by their evidence without this field, how often is it kept? Fields that are always found
again but do not identify, like a classification, lose their say in this way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinfolk.linking.agreement import (
    MISSING,
    NUM_LEVELS,
    Measure,
    chance_of_levels,
    coverage,
)
from kinfolk.linking.map_logistic import sigmoid
from kinfolk.linking.match import Evidence

_KEPT = np.array([0.005, 0.005, 0.01, 0.02, 0.04, 0.08, 0.10, 0.12, 0.62])
"""Levels at which two faithful copies of a value agree: most are equal, some abbreviated or misspelled."""
_MOST_KEPT, _MOST_KEPT_NUMBER, _LEAST_KEPT = 0.99, 0.5, 0.02
_ROUNDS = 3
_TRUST_IN_COVERAGE = 0.8  # weight of the first g against what the other fields say, both as logarithms
_STEPS = 60


class Agreements:
    """The candidate pairs of one table, by level of agreement in each field.

    Args:
        measures: the fields.
        left, right: rows of the candidate pairs, int32 (pairs,).

    Attributes:
        measures: the fields.
        coverage: for each field the share of records whose value is found again in a candidate.
    """

    def __init__(self, measures: Sequence[Measure], left: np.ndarray, right: np.ndarray) -> None:
        self.measures = tuple(measures)
        self._levels: list[list[np.ndarray]] = []
        self.coverage: list[float] = []
        for measure in measures:
            similarities = measure.similarities(left, right)
            self._levels.append([measure.levels(s) for s in similarities])
            self.coverage.append(coverage(measure, similarities, left, right))
        self.num_pairs = len(left)

    def evidence(self, weights: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
        """Log-odds each field adds to each pair, 0 where a side is missing: float64 (pairs, fields).

        Args:
            weights: for each field and each of its similarities the weight of every level.
        """
        out = np.zeros((self.num_pairs, len(self.measures)))
        for column, (levels, tables) in enumerate(zip(self._levels, weights, strict=True)):
            for level, table in zip(levels, tables, strict=True):
                out[:, column] += np.append(table, 0.0)[level] / len(levels)  # MISSING is the last entry
        return out

    def counts(self, field: int, weight: np.ndarray) -> list[np.ndarray]:
        """Summed weight of the pairs at each level of a field, for each of its similarities: float64 (9,)."""
        return [
            np.bincount(level[level != MISSING], weight[level != MISSING], minlength=NUM_LEVELS)
            for level in self._levels[field]
        ]


def match_within(agreements: Agreements, num_records: int) -> Evidence:
    """Estimate the match probability of every candidate pair of one table.

    Args:
        agreements: the candidate pairs.
        num_records: of the table.
    """
    chances = [chance_of_levels(measure) for measure in agreements.measures]
    most = [_MOST_KEPT_NUMBER if m.is_number else _MOST_KEPT for m in agreements.measures]
    first = [min(limit, max(_LEAST_KEPT, c)) for limit, c in zip(most, agreements.coverage, strict=True)]
    kept = list(first)
    labels = tuple(m.label for m in agreements.measures)
    for _ in range(_ROUNDS if len(labels) > 1 else 0):  # a single field has no other that could speak of it
        evidence = agreements.evidence(_weights(kept, chances))
        prior = prior_of(evidence.sum(axis=1), num_records)
        total = prior + evidence.sum(axis=1)
        for field, limit in enumerate(most):
            others = sigmoid(total - evidence[:, field])
            said = np.mean(
                [
                    share_kept(counts, chance, kept[field])
                    for counts, chance in zip(agreements.counts(field, others), chances[field], strict=True)
                ]
            )
            said = np.clip(said, _LEAST_KEPT, limit)
            kept[field] = float(first[field] ** _TRUST_IN_COVERAGE * said ** (1 - _TRUST_IN_COVERAGE))
    evidence = agreements.evidence(_weights(kept, chances)).astype(np.float32)
    return Evidence(prior_of(evidence.sum(axis=1, dtype=np.float64), num_records), labels, evidence)


def prior_of(evidence: np.ndarray, num_records: int) -> float:
    """Log-odds that two records drawn by chance match, such that they agree with the mean of all probabilities.

    Args:
        evidence: log-odds of each candidate pair without the prior; all other pairs are taken for non-matches.
        num_records: of the table.
    """
    pairs = max(1.0, num_records * (num_records - 1) / 2)
    share = 1 / max(2, num_records)
    for _ in range(_STEPS):
        log_odds = np.log(share / (1 - share))
        share = float(np.clip(sigmoid(log_odds + evidence).sum() / pairs, 1e-12, 0.5))
    return float(np.log(share / (1 - share)))


def share_kept(counts: np.ndarray, chance: np.ndarray, start: float) -> float:
    """The share g for which counts of levels are most likely under g M + (1 - g) U, by expectation-maximization.

    Args:
        counts: weight of the pairs at each level, (9,).
        chance: U, (9,).
        start: g to begin with; kept when there are no counts.
    """
    share = start
    if counts.sum() <= 0:
        return share
    for _ in range(_STEPS):
        faithful = share * _KEPT
        share = float((counts * faithful / (faithful + (1 - share) * chance)).sum() / counts.sum())
    return share


def _weights(kept: Sequence[float], chances: Sequence[Sequence[np.ndarray]]) -> list[list[np.ndarray]]:
    return [
        [np.log((share * _KEPT + (1 - share) * chance) / chance) for chance in of_field]
        for share, of_field in zip(kept, chances, strict=True)
    ]
