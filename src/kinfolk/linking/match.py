"""Match probability without labels: winners against the runners-up that would have won without them.

Every record has at most one partner, so once the winning pairs of a score are taken away, the pairs that win the
remaining contest are known non-matches that look as good as non-matches get: decoys. A logistic model learns to tell
winners from decoys, its score makes a new contest, and so on until it settles; the share of wrong winners follows from
how many of them look like decoys. The idea is that of semi-supervised target-decoy analysis in proteomics (Käll et al.,
"Semi-supervised learning for peptide identification from shotgun proteomics datasets", Nature Methods 4, 2007), with
decoys that the problem itself supplies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinfolk.linking.compare import Comparisons
from kinfolk.linking.decoys import probability_of_winners
from kinfolk.linking.map_logistic import fit_map_logistic, sigmoid
from kinfolk.linking.rivals import Contest

RIVALS = "rivals"
TOO_LITTLE = "too little to compare"
_ROUNDS = 8


@dataclass(frozen=True)
class Evidence:
    """Log-odds of every candidate pair, by comparison.

    Attributes:
        prior: log-odds before any evidence.
        labels: what the columns of ``log_odds`` compare.
        log_odds: float64 (pairs, labels).
    """

    prior: float
    labels: tuple[str, ...]
    log_odds: np.ndarray

    @property
    def probability(self) -> np.ndarray:
        """Match probability of each pair, float64 in (0, 1)."""
        total = self.prior + self.log_odds.sum(axis=1)
        return np.asarray(1 / (1 + np.exp(-np.clip(total, -50, 50))))


def match_without_labels(comparisons: Comparisons, contest: Contest) -> Evidence:
    """Estimate the match probability of every candidate pair from the structure of the problem alone.

    Args:
        comparisons: what was compared, one row for each candidate pair.
        contest: the candidate pairs and which of them exclude each other.
    """
    from sklearn.linear_model import LogisticRegression

    design, groups = _design(comparisons)
    nothing = Evidence(-50.0, (), np.zeros((len(design), 0)))
    similar = design[:, list(comparisons.shown.values())].mean(axis=1) if len(design) else np.zeros(0)
    score = similar / (similar.std() or 1.0) if len(design) else similar
    # Before anything is learned, a pair counts by its similarity and by its smaller margin.
    weights, intercept = np.append(np.zeros(design.shape[1] + 2), 1.0), 0.0
    round_ = _hold(design, score, score, weights, intercept, contest)
    for _ in range(_ROUNDS):
        if round_ is None:
            return nothing
        likely = round_.probability > 0.5
        if not likely.any():
            return nothing
        rows = np.vstack([round_.features[round_.winners][likely], round_.decoy_features])
        target = np.repeat([1.0, 0.0], [likely.sum(), len(round_.decoy_features)])
        weight = np.concatenate([round_.probability[likely], np.ones(len(round_.decoy_features))])
        model = LogisticRegression(C=0.3, solver="newton-cholesky").fit(rows, target, weight)
        weights, intercept = model.coef_[0], float(model.intercept_[0])
        score = design @ weights[: design.shape[1]]
        round_ = _hold(design, np.zeros(len(design)), score, weights, intercept, contest)
    if round_ is None:
        return nothing
    slope, offset = _logistic_line(round_.total[round_.winners], round_.probability)
    owners = np.array([*groups, RIVALS, RIVALS, RIVALS])
    labels = tuple(dict.fromkeys(owners.tolist()))
    log_odds = [round_.features[:, owners == label] @ weights[owners == label] for label in labels]
    by_label = slope * np.column_stack(log_odds)
    prior = slope * intercept + offset
    lost = np.ones(len(design), dtype=bool)
    lost[round_.winners] = False
    by_label[lost, labels.index(RIVALS)] -= loss_of_losers(prior + by_label.sum(axis=1), lost)
    evidence = Evidence(prior, labels, by_label)
    return _bounded(evidence, comparisons.capacity, round_.winners, contest)


@dataclass(frozen=True)
class _Round:
    """One contest and the one that follows without its winners."""

    features: np.ndarray  # (pairs, columns): the design and the margins in the first contest
    total: np.ndarray  # (pairs,): score with the margins
    winners: np.ndarray  # positions of the pairs that win the first contest
    decoy_features: np.ndarray  # (decoys, columns): the design and the margins in the second contest
    probability: np.ndarray  # (winners,): that a winner is a match


def _hold(
    design: np.ndarray, bonus: np.ndarray, score: np.ndarray, weights: np.ndarray, intercept: float, contest: Contest
) -> _Round | None:
    """Hold both contests; None when too few pairs are left to compare winners with decoys."""
    pairs = np.arange(len(design))
    if len(pairs) < 2:
        return None
    features = np.column_stack([design, contest.margins(score, pairs)])
    total = bonus + features @ weights + intercept
    winners = contest.winners(total, pairs)
    rest = np.delete(pairs, winners)
    if len(winners) < 2 or len(rest) < 2:
        return None
    second = np.column_stack([design[rest], contest.margins(score, rest)])
    total_rest = bonus[rest] + second @ weights + intercept
    decoys = contest.winners(total_rest, rest)
    return _Round(features, total, winners, second[decoys], probability_of_winners(total[winners], total_rest[decoys]))


def _design(comparisons: Comparisons) -> tuple[np.ndarray, list[str]]:
    """Standardized comparisons (0 where missing) and one indicator for each pattern of missing columns."""
    values = comparisons.values.astype(np.float64)
    missing = np.isnan(values)
    known = np.asarray(~missing.all(axis=0))
    values, missing = values[:, known], missing[:, known]
    labels = [label for label, keep in zip(comparisons.labels, known.tolist(), strict=True) if keep]
    mean = np.nanmean(values, axis=0)
    deviation = np.nanstd(values, axis=0) + 1e-9
    standardized = np.where(missing, 0.0, (values - mean) / deviation)
    indicators, owners = [], []
    seen: set[bytes] = set()
    for column in np.flatnonzero(missing.any(axis=0)):
        pattern = np.packbits(missing[:, column]).tobytes()
        if pattern not in seen:
            seen.add(pattern)
            indicators.append(missing[:, column].astype(np.float64))
            owners.append(labels[column])
    columns = [standardized, *(i[:, None] for i in indicators)]
    return np.hstack(columns), labels + owners


def _logistic_line(score: np.ndarray, probability: np.ndarray) -> tuple[float, float]:
    """Slope and offset that turn scores into log-odds of these probabilities.

    The score is a log-odds already, of winners against decoys, so the line starts from slope 1 and offset 0 and moves as
    far as the data say: where all winners are certain they say little.
    """
    design = np.column_stack([np.ones(len(score)), score])
    offset, slope = fit_map_logistic(design, probability, np.array([0.0, 1.0]), np.array([3.0, 1.0]))
    return max(float(slope), 1e-3), float(offset)


def loss_of_losers(log_odds: np.ndarray, lost: np.ndarray) -> float:
    """How much log-odds having lost its contest costs a pair.

    The line from scores to log-odds is drawn through the winners and says nothing about the others. But a pair that lost
    can be a match only where the pair that won is none: so the losers hold in expectation at most as many matches as the
    winners hold non-matches. The cost is the smallest that keeps to it, at least 0.

    Args:
        log_odds: of every candidate pair by the line, (pairs,).
        lost: which pairs lost, bool (pairs,).
    """
    most = float(sigmoid(-log_odds[~lost]).sum())
    low, high = 0.0, 700.0
    if sigmoid(log_odds[lost]).sum() <= most:
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(log_odds[lost] - middle).sum() > most else (low, middle)
    return high


def _bounded(evidence: Evidence, capacity: np.ndarray, winners: np.ndarray, contest: Contest) -> Evidence:
    """Hold the log-odds below what the comparable fields can carry, given how rare matches are among all pairs.

    With E matches in L x R pairs the odds of a pair before any evidence are E / (L R), and agreement in a field cannot
    carry more than the number of its values. Two records that share nothing but one short field stay doubtful.
    """
    total = evidence.prior + evidence.log_odds.sum(axis=1)
    bounded = total
    for _ in range(30):
        expected = max(1e-3, float((1 / (1 + np.exp(-np.clip(bounded[winners], -50, 50)))).sum()))
        limit = np.log(expected) - np.log(contest.num_left) - np.log(contest.num_right) + capacity
        bounded = np.minimum(total, limit)
    if np.array_equal(bounded, total):
        return evidence
    return Evidence(
        evidence.prior, (*evidence.labels, TOO_LITTLE), np.column_stack([evidence.log_odds, bounded - total])
    )
