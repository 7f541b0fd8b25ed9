# mypy: disable-error-code="arg-type,operator"
"""Three learners over pair comparisons, each fitted by scikit-learn and kept as plain arrays.

Boosted trees, extremely randomized trees (Geurts et al. 2006) and a linear model on comparisons and single terms make
different mistakes; the mean of their log-odds was the best single choice over all development sets. Kept as arrays, a
matcher is saved without pickled code, gives the same answer under any scikit-learn, and scores pairs in compiled loops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TypeVar

import numba
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

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
class Forest:
    """Trees as flat arrays, their values added up.

    Attributes:
        roots: first node of each tree.
        column: tested column of each node, -1 in a leaf.
        threshold: a value of at most this goes left.
        left, right: child nodes.
        value: what a leaf adds.
        start: the sum before any tree.
        as_share: whether the sum is a probability (mean of votes) rather than log-odds.
    """

    roots: NDArray[np.int64]
    column: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    start: NDArray[np.float64]
    as_share: NDArray[np.bool_]

    def log_odds(self, scaled: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds of pairs, in [-LIMIT, LIMIT], shape (n,)."""
        total = self.start[0] + _add_leaves(
            np.ascontiguousarray(scaled, dtype=np.float32),
            self.roots, self.column, self.threshold, self.left, self.right, self.value,
        )  # fmt: skip
        if self.as_share[0]:
            share = np.clip(total, 1e-9, 1 - 1e-9)
            total = np.log(share / (1 - share))
        return np.asarray(np.clip(total, -LIMIT, LIMIT))


@dataclass(frozen=True)
class Linear:
    """A linear model on scaled comparisons, their missingness and, if given, single terms.

    Attributes:
        intercept: shape (1,).
        scaled, missing: weight of each column, and of its absence.
        tokens: weight of each term column; empty without terms.
    """

    intercept: NDArray[np.float64]
    scaled: NDArray[np.float64]
    missing: NDArray[np.float64]
    tokens: NDArray[np.float64]

    def log_odds(self, scaled: NDArray[np.float32], tokens: sp.csr_matrix | None) -> NDArray[np.float64]:
        """Log-odds of pairs, in [-LIMIT, LIMIT], shape (n,)."""
        absent = scaled == MISSING
        total = self.intercept[0] + np.where(absent, 0.0, scaled) @ self.scaled + absent @ self.missing
        if tokens is not None and self.tokens.size:
            total = total + tokens @ self.tokens
        return np.asarray(np.clip(total, -LIMIT, LIMIT))


Learner = TypeVar("Learner", Scaler, Forest, Linear)


def fit_extra_trees(
    scaled: NDArray[np.float32], labels: NDArray[np.int8], *, seed: int, num_trees: int = 100
) -> Forest:
    """Fit extremely randomized trees to labeled pairs that hold both classes."""
    from sklearn.ensemble import ExtraTreesClassifier

    # Few labels: leaves of one pair vote best when many bootstrapped trees are averaged. Many: larger leaves,
    # less noise.
    small = labels.size < 500
    model = ExtraTreesClassifier(
        num_trees, min_samples_leaf=1 if small else 2, max_features=0.3, bootstrap=small, random_state=seed, n_jobs=1
    ).fit(scaled, labels)
    trees = []
    for estimator in model.estimators_:
        tree = estimator.tree_
        votes = tree.value[:, 0, :]
        # One pseudo-label at the base rate keeps a unanimous vote from meaning certainty.
        share = votes[:, list(model.classes_).index(1)] / votes.sum(axis=1)
        smoothed = (share * labels.size + labels.mean()) / (labels.size + 1)
        leaf = tree.children_left < 0
        trees.append(
            (np.where(leaf, -1, tree.feature), tree.threshold, tree.children_left, tree.children_right,
             np.where(leaf, smoothed / num_trees, 0.0))
        )  # fmt: skip
    return _forest(trees, start=0.0, as_share=True)


def fit_boosting(scaled: NDArray[np.float32], labels: NDArray[np.int8], *, seed: int) -> Forest:
    """Fit gradient-boosted trees to labeled pairs that hold both classes."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    few = min(int(labels.sum()), int((labels == 0).sum())) < 100
    varied = np.flatnonzero(scaled.max(axis=0) > scaled.min(axis=0))
    if varied.size == 0:
        rate = float(labels.mean())
        return _forest([], start=float(np.log(rate / (1 - rate))), as_share=False)
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
    trees = []
    for round_ in model._predictors:
        nodes = round_[0].nodes
        leaf = nodes["is_leaf"].astype(bool)
        trees.append(
            (np.where(leaf, -1, varied[np.where(leaf, 0, nodes["feature_idx"])]), nodes["num_threshold"], nodes["left"],
             nodes["right"], np.where(leaf, nodes["value"], 0.0))
        )  # fmt: skip
    return _forest(trees, start=float(np.ravel(model._baseline_prediction)[0]), as_share=False)


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
        model.intercept_.astype(np.float64),
        weights[:width] * _LINEAR_SCALE,
        weights[width : 2 * width] * _LINEAR_SCALE,
        weights[2 * width :],
    )


def to_arrays(learner: Scaler | Forest | Linear, prefix: str) -> dict[str, NDArray[np.generic]]:
    """Give the arrays of a learner under names that begin with ``prefix``."""
    return {f"{prefix}.{field.name}": getattr(learner, field.name) for field in fields(learner)}


def from_arrays(kind: type[Learner], arrays: Mapping[str, NDArray[np.generic]], prefix: str) -> Learner:
    """Rebuild a learner from the arrays that ``to_arrays`` gave."""
    return kind(**{field.name: arrays[f"{prefix}.{field.name}"] for field in fields(kind)})


def _forest(trees: list[tuple[NDArray[np.generic], ...]], *, start: float, as_share: bool) -> Forest:
    sizes = np.array([len(tree[0]) for tree in trees], dtype=np.int64)
    roots = np.concatenate([[0], np.cumsum(sizes)])[: len(trees)].astype(np.int64)

    def joined(part: int, kind: type[np.generic]) -> NDArray[np.generic]:
        return np.concatenate([np.empty(0, kind), *(tree[part].astype(kind) for tree in trees)]).astype(kind)

    shift = np.repeat(roots, sizes)
    return Forest(
        roots, joined(0, np.int32), joined(1, np.float64),
        (joined(2, np.int64) + shift).astype(np.int32), (joined(3, np.int64) + shift).astype(np.int32),
        joined(4, np.float64), np.array([start]), np.array([as_share]),
    )  # fmt: skip


@numba.njit(cache=True)
def _add_leaves(scaled, roots, column, threshold, left, right, value):  # type: ignore[no-untyped-def]
    total = np.zeros(len(scaled))
    for root in roots:
        for row in range(len(scaled)):
            node = root
            while column[node] >= 0:
                node = left[node] if scaled[row, column[node]] <= threshold[node] else right[node]
            total[row] += value[node]
    return total
