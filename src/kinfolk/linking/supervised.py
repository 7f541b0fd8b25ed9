"""A calibrated matcher from labeled pairs, from a handful of labels to thousands.

Three steps, each fitted on what the step before says about pairs it did not see:

1. *Learn.* Extremely randomized trees, and from 30 labels a class on also boosted trees and a linear model on single
   terms, fitted fold by fold; a labeled pair is always scored by the models that were fitted without it.
2. *Shrink.* The label-free model's probability, recalibrated as far as the labels ask for it, is pooled in:
   p = w p_learned + (1 - w) p_prior, w = sqrt(m) / (sqrt(m) + 2.5), m labels of the rarer class; no labels change nothing.
3. *Weigh the rivals.* Logistic regression on that score, on its margin to the best rival of either record, and on
   whether a one-to-one assignment keeps the pair. Without the last term assigned pairs are understated and the cut
   comes out too strict: this costs up to two points of F1. Normal priors hold the weights where labels are few.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.linking.comparisons.competition import compare_rivals
from kinfolk.linking.comparisons.pair_features import PairFeatures
from kinfolk.linking.labels import UNKNOWN
from kinfolk.linking.learners import Boosting, Votes, fit_boosting, fit_extra_trees, fit_linear, fit_scaler
from kinfolk.linking.map_logistic import fit_map_logistic
from kinfolk.linking.matcher import PRIOR, Fold, Matcher, final_design, pool, prior_design

_PRIOR_WORTH = 2.5  # square root of the number of labels of the rarer class the label-free model counts for
_LOSER = -2.0  # log-odds to start from for pairs a one-to-one assignment drops: their partners are spoken for
_DOUBT = 0.35  # standard deviation, in log-odds, of how far the label-free model may be off as a whole
_ENOUGH = 30  # labels of the rarer class from which boosting and single terms pay


def fit_matcher(
    features: PairFeatures,
    labels: NDArray[np.int8],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    *,
    prior: NDArray[np.float64] | None = None,
    exclusive: bool = True,
    seed: int = 0,
) -> Matcher:
    """Fit a calibrated matcher to the labeled ones among candidate pairs.

    Args:
        features: comparisons of all candidates, labeled or not; the unlabeled ones set the scale and are the rivals.
        labels: 1 match, 0 no match, -1 unknown; shape (n,).
        left, right: row numbers of each pair, shape (n,).
        prior: log-odds of a label-free model, shape (n,); with it, any number of labels will do.
        exclusive: expect at most one partner a record. A start for the weights, which labels may overrule.
        seed: of folds and trees; the same seed gives the same matcher.

    Returns:
        The matcher, which holds the score of every pair.

    Raises:
        DataError: lengths differ, or a label is not -1, 0 or 1.
        ConfigurationError: without a prior, there are fewer than two labels of a class.
    """
    labels = np.asarray(labels, dtype=np.int8)
    _check_input(features, labels, left, right, prior)
    known = np.flatnonzero(labels != UNKNOWN)
    truth = labels[known]
    rarer = int(min(truth.sum(), (truth == 0).sum()))
    if rarer < 2 and prior is None:
        raise ConfigurationError(
            "Learning needs at least two labeled matches and two labeled non-matches among the candidates. "
            f"Got {int(truth.sum())} and {int((truth == 0).sum())}. Label more pairs, or pass the label-free log-odds."
        )
    columns, owners = features.values, features.groups
    calibrated = None
    if prior is not None:
        margins = compare_rivals(prior, left, right)[:, :2]
        columns = np.column_stack([columns, prior, margins]).astype(np.float32)
        owners = (*owners, PRIOR, PRIOR, PRIOR)
        design = prior_design(prior, left, right)
        start = np.array([0.0, 1.0, _LOSER if exclusive else 0.0])
        calibrated = design @ fit_map_logistic(design[known], truth, start, np.array([_DOUBT, 0.3, 0.7]))
    scaled = fit_scaler(columns)(columns)
    folds: list[Fold] = []
    part = np.zeros(len(features), dtype=np.int64)
    opinions = np.full((1, len(features)), np.nan)
    if rarer >= 2:
        folds, part = _fit_folds(scaled, features.tokens, labels, rarer, seed)
        opinions = np.array([fold.log_odds(scaled, features.tokens) for fold in folds])
    seen = labels != UNKNOWN
    learned = np.where(seen, opinions[part, np.arange(len(features))], opinions.mean(axis=0))
    share = _learned_share(rarer if folds else 0, prior is not None)
    final = final_design(pool(learned, calibrated, share), left, right)
    for number in range(len(folds)):
        # A labeled pair is weighed against rivals as its own fold sees them: an average over folds is surer than one
        # fold, and a pair judged by one would lose to rivals judged by all.
        own = seen & (part == number)
        score = pool(np.where(seen, learned, opinions[number]), calibrated, share)
        final[own] = final_design(score, left, right)[own]
    # What is learned pair by pair knows nothing of the assignment; the label-free model has been told already.
    kept = share * (2.0 if exclusive else 0.0)
    final_weights = fit_map_logistic(
        final[known],
        truth,
        np.array([-0.25 * kept, 1.0, 0.0, 0.0, kept]),
        np.array([_DOUBT if prior is not None else 0.7, 0.3, 0.15, 0.15, 0.5]),
    )
    return Matcher(final @ final_weights, owners, scaled, features.tokens, tuple(folds), final, final_weights)


def _fit_folds(
    scaled: NDArray[np.float32], tokens: sp.csr_matrix | None, labels: NDArray[np.int8], rarer: int, seed: int
) -> tuple[list[Fold], NDArray[np.int64]]:
    """Models, one set a part of the labels, and the part of each labeled pair (0 for the others)."""
    from sklearn.model_selection import StratifiedKFold

    known = np.flatnonzero(labels != UNKNOWN)
    part = np.zeros(labels.size, dtype=np.int64)
    folds = []
    splitter = StratifiedKFold(5 if rarer >= 50 else min(10, rarer), shuffle=True, random_state=seed)
    for number, (inside, outside) in enumerate(splitter.split(known, labels[known])):
        part[known[outside]] = number
        rows = known[inside]
        truth, near, terms = labels[rows], scaled[rows], None if tokens is None else tokens[rows]
        trees: list[Votes | Boosting] = [fit_extra_trees(near, truth, seed=seed + 1000 * number)]
        linear = None
        if rarer >= _ENOUGH:
            trees.append(fit_boosting(near, truth, seed=seed + 1000 * number))
            linear = fit_linear(near, truth, terms)
        folds.append(Fold(tuple(trees), linear))
    return folds, part


def _learned_share(rarer: int, has_prior: bool) -> float:
    if not has_prior:
        return 1.0
    return float(np.sqrt(rarer) / (np.sqrt(rarer) + _PRIOR_WORTH))


def _check_input(
    features: PairFeatures,
    labels: NDArray[np.int8],
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    prior: NDArray[np.float64] | None,
) -> None:
    given: Sequence[tuple[str, NDArray[np.generic] | None]] = (
        ("labels", labels), ("left", left), ("right", right), ("prior", prior)
    )  # fmt: skip
    for name, array in given:
        if array is not None and array.shape != (len(features),):
            raise DataError(f"{name} must hold one value for each of {len(features)} pairs. Got shape {array.shape}.")
    wrong = ~np.isin(labels, (UNKNOWN, 0, 1))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"A label must be 1 (match), 0 (no match) or -1 (unknown). Pair {row + 1} has {labels[row]}.")
    if prior is not None and not np.isfinite(prior).all():
        raise DataError(
            f"The label-free log-odds must be finite. Pair {int((~np.isfinite(prior)).argmax()) + 1} is not."
        )
