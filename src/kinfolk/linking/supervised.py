"""A calibrated matcher from labeled pairs, from a handful of labels to thousands.

Three steps, each fitted on what the step before says about pairs it did not see:

1. *Learn.* Extremely randomized trees, and from 30 labels a class on also boosted trees and a linear model on single
   terms, fitted fold by fold; a labeled pair is always scored by the models that were fitted without it.
2. *Shrink.* The label-free model's probability (recalibrated on the labels) is pooled in with the weight of 100 labels:
   p = (sqrt(n) p_learned + 10 p_prior) / (sqrt(n) + 10), so that few labels cannot make it worse.
3. *Weigh the rivals.* Logistic regression on that score, on its margin to the best rival of either record, and on
   whether a one-to-one assignment keeps the pair. Without the last term assigned pairs are understated and the cut
   comes out too strict: this costs up to two points of F1. Normal priors hold the weights where labels are few.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kinfolk.data.atomic import atomic_write
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.linking.comparisons.competition import NOTHING, compare_rivals
from kinfolk.linking.comparisons.pair_features import RIVALS, PairFeatures
from kinfolk.linking.learners import (
    Forest,
    Linear,
    Scaler,
    fit_boosting,
    fit_extra_trees,
    fit_linear,
    fit_scaler,
    from_arrays,
    to_arrays,
)
from kinfolk.linking.map_logistic import fit_map_logistic, logit, sigmoid

UNKNOWN = -1
PRIOR = "label-free model"
TERMS = "single words"

_PRIOR_WORTH = 10.0  # square root of the number of labels the label-free model counts for
_ENOUGH = 30  # labels of the rarer class from which boosting and single terms pay
_VERSION = 1


@dataclass(frozen=True)
class Fold:
    """The models fitted without one part of the labels."""

    forests: tuple[Forest, ...]
    linear: Linear | None

    def log_odds(self, scaled: NDArray[np.float32], tokens: sp.csr_matrix | None) -> NDArray[np.float64]:
        """Mean log-odds of the models, shape (n,)."""
        votes = [forest.log_odds(scaled) for forest in self.forests]
        if self.linear is not None:
            votes.append(self.linear.log_odds(scaled, tokens))
        return np.asarray(np.mean(votes, axis=0))


@dataclass(frozen=True)
class Matcher:
    """Scores candidate pairs by what labels taught.

    Attributes:
        names, groups: comparisons it was fitted on, and what each belongs to.
        num_labels: labels it was fitted on.
        scaler: brings comparisons to one scale.
        folds: fitted models, averaged for pairs without a label; none if labels were too few to learn from.
        prior_weights: recalibration of the label-free log-odds (intercept, slope, smaller margin); None without them.
        final_weights: intercept, score, left margin, right margin, kept by the assignment.
        typical: scaled comparisons, then final columns, of a typical candidate: what evidence is measured against.
        fitted_log_odds: for the pairs given to ``fit_matcher``: out of fold where they were labeled.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    num_labels: int
    scaler: Scaler
    folds: tuple[Fold, ...]
    prior_weights: NDArray[np.float64] | None
    final_weights: NDArray[np.float64]
    typical: NDArray[np.float64]
    fitted_log_odds: NDArray[np.float64]

    def log_odds(
        self,
        features: PairFeatures,
        left: NDArray[np.int32],
        right: NDArray[np.int32],
        *,
        prior: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Score candidate pairs.

        Args:
            features: comparisons with the names the matcher was fitted on; term evidence over the same vocabulary.
            left, right: row numbers of each pair, shape (n,); all candidates of a record belong in one call, because
                they are each other's rivals.
            prior: log-odds of the label-free model, shape (n,); needed exactly if the matcher was fitted with one.

        Returns:
            Calibrated log-odds, shape (n,).

        Raises:
            DataError: the comparisons differ from those of the fit, or lengths differ.
        """
        self._check(features, prior)
        scaled = self.scaler(_columns(features, left, right, prior))
        score = self._pooled(self._learned(scaled, features.tokens), prior, left, right)
        return np.asarray(_final_design(score, left, right) @ self.final_weights)

    def contributions(
        self,
        features: PairFeatures,
        left: NDArray[np.int32],
        right: NDArray[np.int32],
        rows: NDArray[np.int64],
        *,
        prior: NDArray[np.float64] | None = None,
        log_odds: NDArray[np.float64] | None = None,
    ) -> tuple[float, tuple[str, ...], NDArray[np.float64]]:
        """Split the log-odds of pairs into what each group of comparisons adds.

        A group's part is what is lost when its comparisons are set to those of a typical candidate; what groups say
        only together is shared out in proportion, so that the parts add up.

        Args:
            features, left, right, prior: all candidates, as for ``log_odds``.
            rows: which of them to explain, shape (m,).
            log_odds: of all candidates, if other than this matcher gives (out of fold); shape (n,).

        Returns:
            The log-odds of a typical candidate, the labels of the groups, and parts of shape (m, num_groups): the first
            plus the sum over a row is the log-odds of that pair.
        """
        self._check(features, prior)
        scaled = self.scaler(_columns(features, left, right, prior))
        tokens = features.tokens
        score = self._pooled(self._learned(scaled, tokens), prior, left, right)
        design = _final_design(score, left, right)
        target = (design @ self.final_weights if log_odds is None else log_odds)[rows]
        here, terms = scaled[rows], None if tokens is None else tokens[rows]
        width = scaled.shape[1]
        typical = self.typical[:width].astype(np.float32)
        owners = np.array([*self.groups, *([PRIOR] * (width - len(self.groups)))])
        labels = list(dict.fromkeys(owners.tolist()))
        slope = self.final_weights[1]
        full = self._learned(here, terms) if self.folds else score[rows]
        lost = []
        for label in labels:
            without = np.where(owners == label, typical, here).astype(np.float32)
            lost.append(slope * (full - self._learned(without, terms)) if self.folds else np.zeros(rows.size))
        if self.folds and terms is not None and self.folds[0].linear is not None:
            labels.append(TERMS)
            lost.append(slope * (full - self._learned(here, sp.csr_matrix(terms.shape, dtype=np.float32))))
        parts = np.column_stack(lost) if lost else np.zeros((rows.size, 0))
        final = self.typical[width:]
        for label, columns in ((RIVALS, slice(2, None)), (PRIOR, None)):
            if columns is None and (prior is None or self.folds):
                continue
            if label not in labels:
                labels.append(label)
                parts = np.column_stack([parts, np.zeros(rows.size)])
            gain = (
                (design[rows, columns] - final[columns]) @ self.final_weights[columns]
                if columns is not None
                else slope * (score[rows] - final[1])
            )
            parts[:, labels.index(label)] += gain
        base = float(final @ self.final_weights)
        weight = np.abs(parts) + 1e-12
        parts += (target - base - parts.sum(axis=1))[:, None] * weight / weight.sum(axis=1, keepdims=True)
        return base, tuple(labels), parts

    def save(self, path: str | Path) -> None:
        """Write the matcher to one file of arrays (``.npz``), atomically; nothing in it is code."""
        about = {"version": _VERSION, "names": self.names, "groups": self.groups, "num_labels": self.num_labels,
                 "folds": [[len(fold.forests), fold.linear is not None] for fold in self.folds]}  # fmt: skip
        arrays: dict[str, NDArray[np.generic]] = {
            "about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8),
            "final_weights": self.final_weights,
            "typical": self.typical,
            "fitted_log_odds": self.fitted_log_odds,
            "prior_weights": np.empty(0) if self.prior_weights is None else self.prior_weights,
            **to_arrays(self.scaler, "scaler"),
        }
        for number, fold in enumerate(self.folds):
            for place, forest in enumerate(fold.forests):
                arrays |= to_arrays(forest, f"fold{number}.forest{place}")
            if fold.linear is not None:
                arrays |= to_arrays(fold.linear, f"fold{number}.linear")
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]

    def _check(self, features: PairFeatures, prior: NDArray[np.float64] | None) -> None:
        if features.names != self.names:
            missing = [name for name in self.names if name not in features.names]
            what = f"{missing[0]!r} is missing" if missing else "their names or order differ"
            raise DataError(f"The pairs must be compared as in the fit, but {what}. Compare the same fields again.")
        if (prior is None) != (self.prior_weights is None):
            raise DataError(f"The matcher was fitted {'without' if prior is not None else 'with'} a label-free prior.")

    def _learned(self, scaled: NDArray[np.float32], tokens: sp.csr_matrix | None) -> NDArray[np.float64]:
        if not self.folds:
            return np.full(len(scaled), np.nan)
        return np.asarray(np.mean([fold.log_odds(scaled, tokens) for fold in self.folds], axis=0))

    def _pooled(
        self,
        learned: NDArray[np.float64],
        prior: NDArray[np.float64] | None,
        left: NDArray[np.int32],
        right: NDArray[np.int32],
    ) -> NDArray[np.float64]:
        calibrated = None
        if prior is not None and self.prior_weights is not None:
            calibrated = _prior_design(prior, left, right) @ self.prior_weights
        return _pool(learned, calibrated, self.num_labels if self.folds else 0)


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
        The matcher. Its ``fitted_log_odds`` score the given pairs, labeled ones by models that did not see them.

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
    columns = _columns(features, left, right, prior)
    scaler = fit_scaler(columns)
    scaled = scaler(columns)
    prior_weights, calibrated = None, None
    if prior is not None:
        design = _prior_design(prior, left, right)
        prior_weights = fit_map_logistic(design[known], truth, np.array([0.0, 1.0, 0.5]), np.array([2.0, 0.3, 0.3]))
        calibrated = design @ prior_weights
    folds: list[Fold] = []
    learned = np.full(len(features), np.nan)
    if rarer >= 2:
        folds, learned = _fit_folds(scaled, features.tokens, labels, rarer, seed)
    score = _pool(learned, calibrated, known.size if folds else 0)
    final = _final_design(score, left, right)
    kept = 2.0 if exclusive else 0.0
    final_weights = fit_map_logistic(
        final[known], truth, np.array([-0.25 * kept, 1.0, 0.0, 0.0, kept]), np.array([0.7, 0.3, 0.15, 0.15, 0.5])
    )
    typical = np.concatenate([np.median(scaled, axis=0), np.median(final, axis=0)])
    return Matcher(
        features.names, features.groups, int(known.size), scaler, tuple(folds), prior_weights, final_weights, typical,
        final @ final_weights,
    )  # fmt: skip


def load_matcher(path: str | Path) -> Matcher:
    """Read a matcher that ``Matcher.save`` wrote.

    Raises:
        DataError: the file is absent, is not a matcher, or was written by a later version.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(arrays["about"].tobytes())
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"Cannot read a matcher from {path}: {error}. Fit and save it again.") from error
    if about.get("version") != _VERSION:
        raise DataError(f"{path} was written as version {about.get('version')}; this program reads {_VERSION}.")
    folds = tuple(
        Fold(
            tuple(from_arrays(Forest, arrays, f"fold{number}.forest{place}") for place in range(num_forests)),
            from_arrays(Linear, arrays, f"fold{number}.linear") if has_linear else None,
        )
        for number, (num_forests, has_linear) in enumerate(about["folds"])
    )
    prior_weights = arrays["prior_weights"]
    return Matcher(
        tuple(about["names"]), tuple(about["groups"]), about["num_labels"], from_arrays(Scaler, arrays, "scaler"),
        folds, prior_weights if prior_weights.size else None, arrays["final_weights"], arrays["typical"],
        arrays["fitted_log_odds"],
    )  # fmt: skip


def _fit_folds(
    scaled: NDArray[np.float32], tokens: sp.csr_matrix | None, labels: NDArray[np.int8], rarer: int, seed: int
) -> tuple[list[Fold], NDArray[np.float64]]:
    from sklearn.model_selection import StratifiedKFold

    known = np.flatnonzero(labels != UNKNOWN)
    num_folds = 5 if rarer >= 50 else min(10, rarer)
    folds, scores = [], []
    out_of_fold = np.full(labels.size, np.nan)
    splitter = StratifiedKFold(num_folds, shuffle=True, random_state=seed)
    for number, (inside, outside) in enumerate(splitter.split(known, labels[known])):
        rows, held_out = known[inside], known[outside]
        truth, near, terms = labels[rows], scaled[rows], None if tokens is None else tokens[rows]
        forests = [fit_extra_trees(near, truth, seed=seed + 1000 * number)]
        linear = None
        if rarer >= _ENOUGH:
            forests.append(fit_boosting(near, truth, seed=seed + 1000 * number))
            linear = fit_linear(near, truth, terms)
        folds.append(Fold(tuple(forests), linear))
        scores.append(folds[-1].log_odds(scaled, tokens))
        out_of_fold[held_out] = scores[-1][held_out]
    return folds, np.where(np.isnan(out_of_fold), np.mean(scores, axis=0), out_of_fold)


def _columns(
    features: PairFeatures, left: NDArray[np.int32], right: NDArray[np.int32], prior: NDArray[np.float64] | None
) -> NDArray[np.float32]:
    if prior is None:
        return features.values
    margins = compare_rivals(prior, left, right)[:, :2]
    return np.column_stack([features.values, prior, margins]).astype(np.float32)


def _prior_design(prior: NDArray[np.float64], left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.float64]:
    margin = np.clip(compare_rivals(prior, left, right)[:, :2].min(axis=1), -4.0, 4.0)
    return np.column_stack([np.ones(prior.size), prior, margin])


def _final_design(score: NDArray[np.float64], left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.float64]:
    rivals = compare_rivals(score, left, right)
    return np.column_stack([np.ones(score.size), score, np.clip(rivals[:, :2], -6.0, 6.0), rivals[:, 2]])


def _pool(learned: NDArray[np.float64], calibrated: NDArray[np.float64] | None, num_labels: int) -> NDArray[np.float64]:
    if calibrated is None:
        return np.maximum(learned, NOTHING)
    if num_labels == 0:
        return calibrated
    weight = np.sqrt(num_labels) / (np.sqrt(num_labels) + _PRIOR_WORTH)
    return logit(weight * sigmoid(learned) + (1 - weight) * sigmoid(calibrated))


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
