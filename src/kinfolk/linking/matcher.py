"""A fitted matcher: scores candidate pairs, splits each score into evidence, and is saved as plain arrays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kinfolk.data.atomic import atomic_write
from kinfolk.errors import DataError
from kinfolk.linking.comparisons.competition import NOTHING, compare_rivals
from kinfolk.linking.comparisons.pair_features import RIVALS, PairFeatures
from kinfolk.linking.learners import Forest, Linear, Scaler, from_arrays, to_arrays
from kinfolk.linking.map_logistic import logit, sigmoid

PRIOR = "label-free model"
TERMS = "single words"
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
        learned_share: weight of what was learned against the label-free model, in [0, 1].
        scaler: brings comparisons to one scale.
        folds: fitted models, averaged for pairs without a label; none if labels were too few to learn from.
        prior_weights: recalibration of the label-free log-odds (intercept, slope, dropped pair); None without them.
        final_weights: intercept, score, left margin, right margin, kept by the assignment.
        typical: scaled comparisons, then final columns, of a typical candidate: what evidence is measured against.
        fitted_log_odds: for the pairs given to ``fit_matcher``: out of fold where they were labeled.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    num_labels: int
    learned_share: float
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
        scaled = self.scaler(columns_of(features, left, right, prior))
        score = self._pooled(self._learned(scaled, features.tokens), prior, left, right)
        return np.asarray(final_design(score, left, right) @ self.final_weights)

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
        scaled = self.scaler(columns_of(features, left, right, prior))
        tokens = features.tokens
        score = self._pooled(self._learned(scaled, tokens), prior, left, right)
        design = final_design(score, left, right)
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
        about = {
            "version": _VERSION,
            "names": self.names,
            "groups": self.groups,
            "num_labels": self.num_labels,
            "learned_share": self.learned_share,
            "folds": [[len(fold.forests), fold.linear is not None] for fold in self.folds],
        }
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
            calibrated = prior_design(prior, left, right) @ self.prior_weights
        return pool(learned, calibrated, self.learned_share)


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
        names=tuple(about["names"]),
        groups=tuple(about["groups"]),
        num_labels=about["num_labels"],
        learned_share=about["learned_share"],
        scaler=from_arrays(Scaler, arrays, "scaler"),
        folds=folds,
        prior_weights=prior_weights if prior_weights.size else None,
        final_weights=arrays["final_weights"],
        typical=arrays["typical"],
        fitted_log_odds=arrays["fitted_log_odds"],
    )


def columns_of(
    features: PairFeatures, left: NDArray[np.int32], right: NDArray[np.int32], prior: NDArray[np.float64] | None
) -> NDArray[np.float32]:
    """What the learners see: the comparisons and, if there is one, the label-free score and its margins."""
    if prior is None:
        return features.values
    margins = compare_rivals(prior, left, right)[:, :2]
    return np.column_stack([features.values, prior, margins]).astype(np.float32)


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
