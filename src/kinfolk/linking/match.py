"""Match probability without labels: winners against the runners-up that would have won without them.

Every record has at most one partner, so once the winning pairs of a score are taken away, the pairs that win the
remaining contest are known non-matches that look as good as non-matches get: decoys. A logistic model learns to tell
winners from decoys, its score makes a new contest, and so on until it settles; the share of wrong winners follows from
how many of them look like decoys. The idea is that of semi-supervised target-decoy analysis in proteomics (Käll et al.,
"Semi-supervised learning for peptide identification from shotgun proteomics datasets", Nature Methods 4, 2007), with
decoys that the problem itself supplies.

Where records of both sides may have several partners, the runners-up may be matches too. Then a few contests are held one
after the other, and the decoys are the winners of the one after them: see ``match_several``, which finds out how many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinfolk.linking.compare import Comparisons
from kinfolk.linking.decoys import probability_of_winners
from kinfolk.linking.design import Design, standardize
from kinfolk.linking.map_logistic import fit_map_logistic, sigmoid
from kinfolk.linking.rivals import Contest

RIVALS = "rivals"
TOO_LITTLE = "too little to compare"


@dataclass(frozen=True)
class Evidence:
    """Log-odds of every candidate pair, by comparison.

    Attributes:
        prior: log-odds before any evidence.
        labels: what the columns of ``log_odds`` compare.
        log_odds: float32 (pairs, labels).
    """

    prior: float
    labels: tuple[str, ...]
    log_odds: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Log-odds of each pair, float64."""
        return np.asarray(self.prior + self.log_odds.sum(axis=1, dtype=np.float64))

    @property
    def probability(self) -> np.ndarray:
        """Match probability of each pair, float64 in (0, 1)."""
        return np.asarray(1 / (1 + np.exp(-np.clip(self.total, -50, 50))))


def match_without_labels(
    comparisons: Comparisons, contest: Contest, rounds: int = 8, *, num_partners: int = 1
) -> Evidence:
    """Estimate the match probability of every candidate pair from the structure of the problem alone.

    Where pairs exclude each other, rivals count against a pair, and having lost to one most of all. Where none do, a pair
    counts by its own evidence alone, on the scale that the winners of a one-to-one contest set.

    Args:
        comparisons: what was compared, one row for each candidate pair.
        contest: the candidate pairs and which of them exclude each other.
        rounds: how often the score is learned anew from the winners of the one before.
        num_partners: contests whose winners may be matches, before the one that supplies the decoys; more than 1 only
            where no pairs exclude each other.
    """
    nothing = Evidence(-50.0, (), np.zeros((len(comparisons.values), 0), np.float32))
    if len(comparisons.values) < 2:
        return nothing
    design = standardize(comparisons)
    first = [design.score(design.weights_of(list(columns))) for columns in comparisons.first_columns()]
    # Of records without a word, only the images tell.
    starts = [score / score.std() for score in first if score.std() > 0] or first
    learned = [_learn(score, design, contest, rounds, num_partners) for score in starts]
    # A start that leads astray does not settle: its winners are soon taken for decoys.
    best = max(learned, key=lambda found: 0.0 if found is None else float(found.last.probability.sum()))
    if best is None:
        return nothing
    round_, margin_weights, intercept = best.last, best.margin_weights, best.intercept
    slope, offset = _logistic_line(round_.total[round_.winners], round_.probability)
    prior = slope * intercept + offset
    labels, by_label = design.by_owner(slope * best.weights)
    if not contest.exclusive:
        return _bounded(Evidence(prior, labels, by_label), comparisons.capacity, round_.winners, contest)
    rivals = slope * (round_.margins @ margin_weights)
    lost = np.ones(len(rivals), dtype=bool)
    lost[round_.winners] = False
    rivals[lost] -= loss_of_losers(prior + by_label.sum(axis=1, dtype=np.float64) + rivals, lost)
    evidence = Evidence(prior, (*labels, RIVALS), np.column_stack([by_label, rivals.astype(np.float32)]))
    return _bounded(evidence, comparisons.capacity, round_.winners, contest)


@dataclass(frozen=True)
class _Learned:
    """The model that winners and decoys agreed on, and the round that it made.

    Attributes:
        weights: of the columns of the design, (width,).
        margin_weights: of the margins, (3,).
        intercept: of the score.
        last: the contests by this score.
    """

    weights: np.ndarray
    margin_weights: np.ndarray
    intercept: float
    last: _Round


def _learn(score: np.ndarray, design: Design, contest: Contest, rounds: int, num_partners: int) -> _Learned | None:
    """Tell winners from decoys, beginning with a score of its own; None where no winner is likely, or decoys are missing."""
    from sklearn.linear_model import LogisticRegression

    # Before anything is learned, a pair counts by its similarity and by its smaller margin.
    weights, margin_weights, intercept = np.zeros(design.width), np.array([0.0, 0.0, 1.0]), 0.0
    round_ = _hold(score, margin_weights, intercept, contest, num_partners)
    for _ in range(rounds):
        if round_ is None or not (round_.probability > 0.5).any():
            return None
        likely = round_.probability > 0.5
        rows = np.concatenate([round_.winners[likely], round_.decoys])
        margins = np.vstack([round_.margins[round_.winners[likely]], round_.decoy_margins])
        target = np.repeat([1.0, 0.0], [likely.sum(), len(round_.decoys)])
        weight = np.concatenate([round_.probability[likely], np.ones(len(round_.decoys))])
        # To convergence: where a solver happens to stop early would decide between the fixed points of the rounds.
        model = LogisticRegression(C=0.3, solver="newton-cholesky")
        model.fit(np.column_stack([design.rows(rows), margins]), target, weight)
        weights, margin_weights = np.split(model.coef_[0], [design.width])
        intercept = float(model.intercept_[0])
        round_ = _hold(design.score(weights), margin_weights, intercept, contest, num_partners)
    return None if round_ is None else _Learned(weights, margin_weights, intercept, round_)


@dataclass(frozen=True)
class _Round:
    """The first contest, and the one that is held when the winners of all before are gone.

    Attributes:
        margins: of every pair in the first contest, (pairs, 3).
        total: score of every pair with its margins, (pairs,).
        winners: positions of the pairs that win the first contest.
        decoys: positions of the pairs that win the last.
        decoy_margins: of the decoys in the last contest, (decoys, 3).
        probability: that a winner is a match, (winners,).
    """

    margins: np.ndarray
    total: np.ndarray
    winners: np.ndarray
    decoys: np.ndarray
    decoy_margins: np.ndarray
    probability: np.ndarray


def _hold(
    score: np.ndarray, margin_weights: np.ndarray, intercept: float, contest: Contest, num_partners: int
) -> _Round | None:
    """Hold the contests; None when too few pairs are left to compare winners with decoys."""
    pairs = np.arange(len(score))
    margins = contest.margins(score, pairs)
    total = score + margins @ margin_weights + intercept
    # Even where nothing excludes anything, each contest takes one pair a record: the best that is left.
    once = contest if contest.exclusive else replace(contest, left_once=True, right_once=True)
    winners = once.winners(total, pairs)
    rest = np.delete(pairs, winners)
    for _ in range(num_partners - 1):
        rest = np.delete(rest, once.winners(total[rest], rest))
    if len(winners) < 2 or len(rest) < 2:
        return None
    last = contest.margins(score, rest)
    total_rest = score[rest] + last @ margin_weights + intercept
    won = once.winners(total_rest, rest)
    probability = probability_of_winners(total[winners], total_rest[won])
    return _Round(margins, total, winners, rest[won], last[won], probability)


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
    total = evidence.total
    bounded = total
    for _ in range(30):
        expected = max(1e-3, float((1 / (1 + np.exp(-np.clip(bounded[winners], -50, 50)))).sum()))
        limit = np.log(expected) - np.log(contest.num_left) - np.log(contest.num_right) + capacity
        bounded = np.minimum(total, limit)
    if np.array_equal(bounded, total):
        return evidence
    loss = (bounded - total).astype(np.float32)
    return Evidence(evidence.prior, (*evidence.labels, TOO_LITTLE), np.column_stack([evidence.log_odds, loss]))
