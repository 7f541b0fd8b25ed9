"""A fitted matcher: the score of every candidate pair, and what each group of comparisons adds to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kinfolk.linking.comparisons.competition import NOTHING, compare_rivals
from kinfolk.linking.learners import Boosting, Linear, Votes
from kinfolk.linking.map_logistic import logit, sigmoid
from kinfolk.linking.match import RIVALS

PRIOR = "label-free model"
TERMS = "single words"


@dataclass(frozen=True)
class Fold:
    """The models fitted without one part of the labels."""

    trees: tuple[Votes | Boosting, ...]
    linear: Linear | None

    def log_odds(self, scaled: NDArray[np.float32], tokens: sp.csr_matrix | None) -> NDArray[np.float64]:
        """Mean log-odds of the models, shape (n,)."""
        votes = [trees.log_odds(scaled) for trees in self.trees]
        if self.linear is not None:
            votes.append(self.linear.log_odds(scaled, tokens))
        return np.asarray(np.mean(votes, axis=0))


@dataclass(frozen=True)
class Matcher:
    """The candidate pairs of one run, scored by what labels taught.

    Attributes:
        log_odds: calibrated score of every candidate pair, shape (n,); labeled pairs by models that did not see them.
        owners: what each scaled comparison belongs to.
        scaled: comparisons on one scale, shape (n, num_owners).
        tokens: evidence of single terms, shape (n, num_terms), or None.
        folds: the models; none if labels were too few to learn from.
        design: columns of the last step (``final_design``), shape (n, 5).
        weights: of these columns.
    """

    log_odds: NDArray[np.float64]
    owners: tuple[str, ...]
    scaled: NDArray[np.float32]
    tokens: sp.csr_matrix | None
    folds: tuple[Fold, ...]
    design: NDArray[np.float64]
    weights: NDArray[np.float64]

    def contributions(self, rows: NDArray[np.int64]) -> tuple[float, tuple[str, ...], NDArray[np.float64]]:
        """Split the log-odds of pairs into what each group of comparisons adds.

        A group's part is what is lost when its comparisons are set to those of a typical candidate; what groups say
        only together is shared out in proportion, so that the parts add up.

        Args:
            rows: the pairs to explain, shape (m,).

        Returns:
            The log-odds of a typical candidate, the labels of the groups, and parts of shape (m, num_groups): the first
            plus the sum over a row is the log-odds of that pair.
        """
        typical = np.median(self.design, axis=0)
        slope = self.weights[1]
        away = self.design[rows] - typical
        parts = {RIVALS: away[:, 2:] @ self.weights[2:]}
        for label, lost in self._lost(rows) if self.folds else [(PRIOR, away[:, 1])]:
            parts[label] = parts.get(label, 0.0) + slope * lost
        base = float(typical @ self.weights)
        stacked = np.column_stack(list(parts.values()))
        size = np.abs(stacked) + 1e-12
        left_over = self.log_odds[rows] - base - stacked.sum(axis=1)
        return base, tuple(parts), stacked + left_over[:, None] * size / size.sum(axis=1, keepdims=True)

    def _lost(self, rows: NDArray[np.int64]) -> list[tuple[str, NDArray[np.float64]]]:
        """What the learners' log-odds lose when one group is set to typical values."""
        typical = np.median(self.scaled, axis=0)
        here, terms = self.scaled[rows], None if self.tokens is None else self.tokens[rows]
        full = self._learned(here, terms)
        owners = np.array(self.owners)
        lost = [
            (label, full - self._learned(np.where(owners == label, typical, here).astype(np.float32), terms))
            for label in dict.fromkeys(self.owners)
        ]
        if terms is not None and self.folds[0].linear is not None:
            lost.append((TERMS, full - self._learned(here, sp.csr_matrix(terms.shape, dtype=np.float32))))
        return lost

    def _learned(self, scaled: NDArray[np.float32], tokens: sp.csr_matrix | None) -> NDArray[np.float64]:
        return np.asarray(np.mean([fold.log_odds(scaled, tokens) for fold in self.folds], axis=0))


def prior_design(prior: NDArray[np.float64], left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.float64]:
    """Columns of the recalibration: one, the label-free log-odds, dropped by a one-to-one assignment."""
    dropped = 1.0 - compare_rivals(prior, left, right)[:, 2]
    return np.column_stack([np.ones(prior.size), prior, dropped])


def final_design(score: NDArray[np.float64], left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.float64]:
    """Columns of the last step: one, the score, its margins on the left and right, kept by the assignment."""
    rivals = compare_rivals(score, left, right)
    return np.column_stack([np.ones(score.size), score, np.clip(rivals[:, :2], -6.0, 6.0), rivals[:, 2]])


def pool(learned: NDArray[np.float64], calibrated: NDArray[np.float64] | None, share: float) -> NDArray[np.float64]:
    """Pool learned and label-free log-odds as probabilities."""
    if calibrated is None:
        return np.maximum(learned, NOTHING)
    if share == 0.0:
        return calibrated
    return logit(share * sigmoid(learned) + (1 - share) * sigmoid(calibrated))
