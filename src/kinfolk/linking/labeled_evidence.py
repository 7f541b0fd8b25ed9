"""Match probability with labels: the matcher's opinion of every pair, taken apart for the pairs that matter."""

from __future__ import annotations

import numpy as np

from kinfolk.linking.comparisons.pair_features import PairFeatures
from kinfolk.linking.labels import SURE, UNKNOWN
from kinfolk.linking.map_logistic import sigmoid
from kinfolk.linking.match import Evidence
from kinfolk.linking.rivals import Contest
from kinfolk.linking.supervised import fit_matcher

TAUGHT = "what labels taught"
VERDICT = "your label"
_MOST = 30.0  # log-odds beyond which a label-free opinion says no more
_WORTH_EXPLAINING = 0.01  # least probability, with labels or without, of a pair that is taken apart
_MOST_TAKEN_APART = (
    20_000  # pairs, the most doubtful ones: each costs as many scores as there are groups of comparisons
)


def match_with_labels(
    features: PairFeatures, labels: np.ndarray, contest: Contest, label_free: Evidence, *, seed: int = 0
) -> Evidence:
    """Teach a matcher with labeled pairs, starting from what was found without them.

    A labeled pair keeps its label. Pairs that are improbable with labels and without, and the surest where there are very
    many, are explained by the label-free evidence and one term for what labels changed; all others by comparisons, each
    against a typical candidate.

    Args:
        features: comparisons of every candidate pair.
        labels: 1, 0 or ``UNKNOWN`` for every candidate pair, int8.
        contest: the candidate pairs and which of them exclude each other.
        label_free: the evidence without labels.
        seed: of folds and trees.
    """
    left, right = contest.candidates.left, contest.candidates.right
    before = label_free.total
    prior = np.clip(before, -_MOST, _MOST)
    matcher = fit_matcher(
        features, labels, left, right, prior=prior, exclusive=contest.left_once and contest.right_once, seed=seed
    )
    after = matcher.log_odds
    rows = np.flatnonzero(np.maximum(sigmoid(before), sigmoid(after)) >= _WORTH_EXPLAINING)
    rows = np.sort(rows[np.argsort(np.abs(after[rows]), kind="stable")[:_MOST_TAKEN_APART]])
    typical, groups, parts = matcher.contributions(rows)

    owners = tuple(dict.fromkeys([*label_free.labels, *groups, TAUGHT, VERDICT]))
    place = {label: column for column, label in enumerate(owners)}
    log_odds = np.zeros((len(features), len(owners)))
    log_odds[:, [place[label] for label in label_free.labels]] = label_free.log_odds
    log_odds[rows] = 0.0
    for group, part in zip(groups, parts.T, strict=True):
        log_odds[rows, place[group]] = part
    log_odds[:, place[TAUGHT]] = after - typical - log_odds.sum(axis=1)
    known = labels != UNKNOWN
    log_odds[known, place[VERDICT]] = np.where(labels[known] == 1, SURE, -SURE) - after[known]
    said = np.abs(log_odds).max(axis=0, initial=0.0) > 1e-6
    kept = tuple(owner for owner, keep in zip(owners, said.tolist(), strict=True) if keep)
    return Evidence(typical, kept, log_odds[:, said])
