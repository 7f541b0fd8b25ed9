"""Three learners over pair comparisons, each fitted by scikit-learn.

Boosted trees, extremely randomized trees (Geurts et al. 2006) and a linear model on comparisons and single terms make
different mistakes; the mean of their log-odds was the best single choice over all development sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kinfolk.linking.forest import Forest, lay_out

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

MISSING = -6.0  # below every scaled value
_CLIP = 4.0
_LINEAR_SCALE = 0.3
LIMIT = 8.0  # no learner is surer than this, in log-odds


@dataclass(frozen=True)
class Scaler:
    """Maps every column to the normal quantile of its rank among reference pairs; NaN becomes ``MISSING``.

    Attributes:
        quantiles: ascending reference values of each column, shape (num_quantiles, num_columns).
    """

    quantiles: NDArray[np.float64]

    def __call__(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scale comparisons, shape (n, num_columns)."""
        from scipy.special import ndtri

        grid = np.linspace(0.0, 1.0, len(self.quantiles))
        scaled = np.full(values.shape, MISSING, dtype=np.float32)
        for column in range(values.shape[1]):
            reference, given = self.quantiles[:, column], values[:, column].astype(np.float64)
            known = ~np.isnan(given)
            if np.isnan(reference[0]) or not known.any():
                continue
            # From both ends, so that a value that holds many ranks takes the middle of them.
            up = np.interp(given[known], reference, grid)
            down = 1.0 - np.interp(-given[known], -reference[::-1], grid)
            scaled[known, column] = np.clip(ndtri(0.5 * (up + down)), -_CLIP, _CLIP)
        return scaled


def fit_scaler(values: NDArray[np.float32], num_quantiles: int = 200) -> Scaler:
    """Learn a scaler from reference pairs, shape (n, num_columns); columns without any value scale to ``MISSING``."""
    quantiles = np.full((num_quantiles, values.shape[1]), np.nan)
    grid = np.linspace(0.0, 1.0, num_quantiles)
    for column in range(values.shape[1]):
        known = values[:, column][np.isfinite(values[:, column])]
        if known.size:
            quantiles[:, column] = np.quantile(known.astype(np.float64), grid)
    return Scaler(quantiles)


@dataclass(frozen=True)
class Votes:
    """The mean vote of extremely randomized trees.

    One pseudo-label at the base rate keeps a unanimous vote from meaning certainty.
    """

    forest: Forest
    num_labels: int
    base_rate: float

    def log_odds(self, scaled: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds of pairs, in [-LIMIT, LIMIT], shape (n,)."""
        share = self.forest.votes(scaled)
        share = np.clip((share * self.num_labels + self.base_rate) / (self.num_labels + 1), 1e-9, 1 - 1e-9)
        return np.asarray(np.clip(np.log(share / (1 - share)), -LIMIT, LIMIT))


@dataclass(frozen=True)
class Boosting:
    """Gradient-boosted trees; without a model every pair has the base rate.

    Attributes:
        columns: the comparisons that vary among the labeled pairs.
    """

    model: HistGradientBoostingClassifier | None
    columns: NDArray[np.int64]
    base_rate: float

    def log_odds(self, scaled: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds of pairs, in [-LIMIT, LIMIT], shape (n,)."""
        if self.model is None:
            return np.full(len(scaled), np.log(self.base_rate / (1 - self.base_rate)))
        return np.asarray(np.clip(self.model.decision_function(scaled[:, self.columns]), -LIMIT, LIMIT))


@dataclass(frozen=True)
class Linear:
    """A linear model on scaled comparisons, their missingness and, if given, single terms.

    Attributes:
        intercept: log-odds before any of them.
        scaled, missing: weight of each column, and of its absence.
        tokens: weight of each term column; empty without terms.
    """

    intercept: float
    scaled: NDArray[np.float64]
    missing: NDArray[np.float64]
    tokens: NDArray[np.float64]

    def log_odds(self, scaled: NDArray[np.float32], tokens: sp.csr_matrix | None) -> NDArray[np.float64]:
        """Log-odds of pairs, in [-LIMIT, LIMIT], shape (n,)."""
        absent = scaled == MISSING
        total = self.intercept + np.where(absent, 0.0, scaled) @ self.scaled + absent @ self.missing
        if tokens is not None and self.tokens.size:
            total = total + tokens @ self.tokens
        return np.asarray(np.clip(total, -LIMIT, LIMIT))


def fit_extra_trees(scaled: NDArray[np.float32], labels: NDArray[np.int8], *, seed: int, num_trees: int = 100) -> Votes:
    """Fit extremely randomized trees to labeled pairs that hold both classes."""
    from sklearn.ensemble import ExtraTreesClassifier

    # Few labels: leaves of one pair vote best when many bootstrapped trees are averaged. Many: larger leaves, less noise.
    small = labels.size < 500
    model = ExtraTreesClassifier(
        num_trees, min_samples_leaf=1 if small else 2, max_features=0.3, bootstrap=small, random_state=seed, n_jobs=1
    ).fit(scaled, labels)
    return Votes(lay_out(model), labels.size, float(labels.mean()))


def fit_boosting(scaled: NDArray[np.float32], labels: NDArray[np.int8], *, seed: int) -> Boosting:
    """Fit gradient-boosted trees to labeled pairs that hold both classes."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    few = min(int(labels.sum()), int((labels == 0).sum())) < 100
    varied = np.flatnonzero(scaled.max(axis=0) > scaled.min(axis=0))
    if varied.size == 0:
        return Boosting(None, varied, float(labels.mean()))
    model = HistGradientBoostingClassifier(
        max_iter=80 if few else 150,
        learning_rate=0.08,
        max_leaf_nodes=6 if few else 12,
        l2_regularization=5.0,
        min_samples_leaf=10,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    ).fit(scaled[:, varied], labels)
    return Boosting(model, varied, float(labels.mean()))


def fit_linear(
    scaled: NDArray[np.float32], labels: NDArray[np.int8], tokens: sp.csr_matrix | None, *, strength: float = 1.0
) -> Linear:
    """Fit an L2-regularized logistic regression to labeled pairs that hold both classes."""
    from sklearn.linear_model import LogisticRegression

    absent = scaled == MISSING
    dense = np.hstack([np.where(absent, 0.0, scaled), absent]) * _LINEAR_SCALE
    blocks = [sp.csr_matrix(dense)] if tokens is None else [sp.csr_matrix(dense), tokens]
    design = sp.hstack(blocks, format="csr")
    model = LogisticRegression(C=strength, solver="liblinear", random_state=0).fit(design, labels)
    weights = model.coef_[0]
    width = scaled.shape[1]
    return Linear(
        float(model.intercept_[0]),
        weights[:width] * _LINEAR_SCALE,
        weights[width : 2 * width] * _LINEAR_SCALE,
        weights[2 * width :],
    )
