"""The linear probe: how well a linear classifier on frozen vectors tells their labels, with all labels or with a few.

Vectors are standardized by the mean and deviation of the training vectors; the classifier is a logistic regression whose
penalty is chosen by cross-validation within the training labels, never on those that are tested.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError

_PENALTIES = (0.001, 0.01, 0.1, 1.0)  # inverse strengths
_FOLDS = 3


@dataclass(frozen=True)
class FewLabels:
    """Accuracy of the linear probe with a few labels of each class.

    Attributes:
        labels: of each class.
        mean, deviation: of the accuracy over the draws of these labels.
    """

    labels: int
    mean: float
    deviation: float


def linear_accuracy(
    train_vectors: npt.NDArray[np.floating],
    train_labels: npt.NDArray[np.integer],
    vectors: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    *,
    penalty: float | None = None,
) -> float:
    """Share of vectors whose label a linear classifier tells, in [0, 1].

    Args:
        train_vectors, train_labels: (num, dim) and (num,), two classes or more.
        vectors, labels: what is tested.
        penalty: inverse strength of the penalty; None chooses it by cross-validation.

    Raises:
        ConfigurationError: shapes that do not fit, or fewer than two classes to learn.
    """
    from sklearn.linear_model import LogisticRegression

    _check(train_vectors, train_labels, vectors, labels)
    mean, deviation = train_vectors.mean(0), train_vectors.std(0)
    scale = np.where(deviation > 0, deviation, 1.0)
    known, asked = (train_vectors - mean) / scale, (vectors - mean) / scale
    chosen = _choose_penalty(known, train_labels) if penalty is None else penalty
    model = LogisticRegression(C=chosen, max_iter=500).fit(known, train_labels)
    return float((model.predict(asked) == labels).mean())


def few_label_accuracy(
    train_vectors: npt.NDArray[np.floating],
    train_labels: npt.NDArray[np.integer],
    vectors: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    *,
    per_class: int = 5,
    draws: int = 10,
    seed: int = 0,
) -> FewLabels:
    """The linear probe with a few labels of each class, drawn several times.

    Args:
        train_vectors, train_labels: from which the labels are drawn.
        vectors, labels: what is tested.
        per_class: labels of each class, at least 1; a class with fewer gives all it has.
        draws: how often they are drawn, at least 1.
        seed: of the draws.

    Raises:
        ConfigurationError: see ``linear_accuracy``.
    """
    if per_class < 1 or draws < 1:
        raise ConfigurationError(f"per_class and draws must be at least 1. Got {per_class} and {draws}.")
    _check(train_vectors, train_labels, vectors, labels)
    rng = np.random.default_rng(seed)
    accuracy = []
    for _ in range(draws):
        chosen = np.concatenate(
            [rng.permutation(np.flatnonzero(train_labels == label))[:per_class] for label in np.unique(train_labels)]
        )
        found = linear_accuracy(train_vectors[chosen], train_labels[chosen], vectors, labels, penalty=0.1)
        accuracy.append(found)
    return FewLabels(per_class, float(np.mean(accuracy)), float(np.std(accuracy)))


def _choose_penalty(vectors: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    least = int(np.unique(labels, return_counts=True)[1].min())
    if least < 2:
        return 0.1
    folds = StratifiedKFold(min(_FOLDS, least), shuffle=True, random_state=0)
    scores = [
        cross_val_score(LogisticRegression(C=c, max_iter=500), vectors, labels, cv=folds).mean() for c in _PENALTIES
    ]
    return _PENALTIES[int(np.argmax(scores))]


def _check(
    train_vectors: npt.NDArray[np.floating],
    train_labels: npt.NDArray[np.integer],
    vectors: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
) -> None:
    for rows, of_rows, name in ((train_vectors, train_labels, "training"), (vectors, labels, "test")):
        if rows.ndim != 2 or len(rows) != len(of_rows) or not len(rows):
            raise ConfigurationError(
                f"The {name} vectors must be (num, dim) with a label each. Got {rows.shape} and {of_rows.shape}."
            )
    if train_vectors.shape[1] != vectors.shape[1]:
        raise ConfigurationError(
            f"Training and test vectors must be of one dim. Got {train_vectors.shape[1]} and {vectors.shape[1]}."
        )
    if len(np.unique(train_labels)) < 2:
        raise ConfigurationError("A classifier needs two classes or more to learn. Got one.")
