"""Classification by a few labels, by all of them, and of rare classes: a logistic regression on frozen unit vectors.

A table with a column ``label`` and texts, with a column ``split`` (train, test) or drawn into halves; or a folder with the tables
``train`` and ``test``.

Source: Muennighoff et al., "MTEB: massive text embedding benchmark", EACL 2023, arXiv 2210.07316, section 3.1 (logistic
regression on a few labels of each class, drawn ten times); Liu et al., "Large-scale long-tailed recognition in an open world",
CVPR 2019, arXiv 1904.05160 (classes of many, of medium and of few texts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kinfolk.data import Records
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.spread import unit_rows
from kinfolk.evaluation.tasks.outcome import Encode, Figures, Outcome
from kinfolk.evaluation.tasks.reading import (
    column_named,
    filled_texts,
    joined_texts,
    read_task_table,
    required_table,
    rows_of_split,
)

PER_CLASS = (1, 5, 10, 50)
_BUCKETS = (("many (over 100)", 101, None), ("medium (20 to 100)", 20, 100), ("few (under 20)", 1, 19))

Vectors = npt.NDArray[np.floating]
Labels = npt.NDArray[np.str_]


@dataclass(frozen=True)
class FewShotFigures:
    """How well classes are told from a number of labels.

    Attributes:
        labels_per_class: that were learned from; None for all there are.
        macro_f1: mean over the draws of the mean F1 of the classes of the test, in [0, 1].
        macro_f1_deviation: its standard deviation over the draws; None for a single one.
        accuracy, accuracy_deviation: the same of the share of texts whose class is told.
        draws: how often the labels were drawn.
    """

    labels_per_class: int | None
    macro_f1: float
    macro_f1_deviation: float | None
    accuracy: float
    accuracy_deviation: float | None
    draws: int


@dataclass(frozen=True)
class BucketFigures:
    """How well classes of about one frequency are told, learned from all labels.

    Attributes:
        frequency: texts of the class in the training part.
        classes: how many of the test.
        texts: of these classes in the test.
        macro_f1: mean of their F1, in [0, 1].
    """

    frequency: str
    classes: int
    texts: int
    macro_f1: float


def class_f1(predicted: Labels, truth: Labels) -> dict[str, float]:
    """F1 of each class that occurs in the truth, in [0, 1]."""
    found = {}
    for name in np.unique(truth):
        said, true = predicted == name, truth == name
        found[str(name)] = float(2 * (said & true).sum() / (said.sum() + true.sum()))
    return found


def few_shot_figures(
    train: tuple[Vectors, Labels],
    test: tuple[Vectors, Labels],
    *,
    per_class: int,
    draws: int = 10,
    seed: int = 0,
) -> FewShotFigures:
    """Learn from some labels of each class, several times, and judge on the test.

    Args:
        train: vectors and labels from which labels are drawn.
        test: what is judged.
        per_class: labels of each class, at least 1; a class with fewer gives all it has.
        draws: how often, at least 1.
        seed: of the draws.

    Raises:
        ConfigurationError: per_class or draws below 1.
        DataError: fewer than two classes.
    """
    if per_class < 1 or draws < 1:
        raise ConfigurationError(f"per_class and draws must be at least 1. Got {per_class} and {draws}.")
    vectors, labels = train
    rng = np.random.default_rng(seed)
    told = []
    for _ in range(draws):
        rows = np.concatenate([rng.permutation(np.flatnonzero(labels == n))[:per_class] for n in np.unique(labels)])
        told.append(predicted_labels((vectors[rows], labels[rows]), test[0]))
    return _over_draws(per_class, told, test[1])


def bucket_figures(train_labels: Labels, predicted: Labels, truth: Labels) -> tuple[BucketFigures, ...]:
    """F1 of the classes of the test by how often they occur in the training part; frequencies without a class are left out."""
    counts = dict(zip(*np.unique(train_labels, return_counts=True), strict=True))
    f1 = class_f1(predicted, truth)
    rows = []
    for name, least, most in _BUCKETS:
        inside = [label for label in f1 if least <= counts.get(label, 0) and (most is None or counts[label] <= most)]
        if inside:
            mean = float(np.mean([f1[label] for label in inside]))
            rows.append(BucketFigures(name, len(inside), int(np.isin(truth, inside).sum()), mean))
    return tuple(rows)


def predicted_labels(train: tuple[Vectors, Labels], vectors: Vectors) -> Labels:
    """The labels that a logistic regression (penalty 1) on unit vectors gives; each class weighs the same, however rare.

    Raises:
        DataError: fewer than two classes to learn.
    """
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(train[1])) < 2:
        raise DataError(f"A classifier needs two classes or more to learn. Got {len(np.unique(train[1]))}.")
    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=1000).fit(unit_rows(train[0]), train[1])
    return np.asarray(model.predict(unit_rows(vectors)))


def evaluate_classification(encode: Encode, data: object, *, columns: Sequence[str] = (), seed: int = 0) -> Outcome:
    """Evaluate an encoder on texts with classes.

    Args:
        encode: texts to vectors.
        data: a table, or a folder.
        columns: whose values together are the text; none takes title, abstract, text and body, or all but label and split.
        seed: of the draws, and of the halves where no split is given.

    Raises:
        DataError: a table cannot be read or used, or the test holds a class that cannot be learned.
        ConfigurationError: a column or a split that does not exist.
    """
    train, test, note = _parts(data, seed)
    (known, of_known), (asked, of_asked) = (_labeled(part, columns, encode) for part in (train, test))
    strange = sorted(set(of_asked.tolist()) - set(of_known.tolist()))
    if strange:
        raise DataError(
            f"{test.name}: each class of the test must occur in the training part. {strange[0]!r} does not "
            f"({len(strange):,} such). Remove these rows, or add some to the training part."
        )
    most = int(np.unique(of_known, return_counts=True)[1].max())
    curve = [
        few_shot_figures((known, of_known), (asked, of_asked), per_class=k, seed=seed) for k in PER_CLASS if k < most
    ]
    predicted = predicted_labels((known, of_known), asked)
    tables: dict[str, tuple[Figures, ...]] = {
        "labels": (*curve, _over_draws(None, [predicted], of_asked)),
        "frequency of the class": bucket_figures(of_known, predicted, of_asked),
    }
    return Outcome(tables, (f"{note}Learned from {len(of_known):,} texts, judged on {len(of_asked):,}.",))


def _over_draws(per_class: int | None, told: Sequence[Labels], truth: Labels) -> FewShotFigures:
    f1 = [float(np.mean(list(class_f1(predicted, truth).values()))) for predicted in told]
    accuracy = [float((predicted == truth).mean()) for predicted in told]
    return FewShotFigures(
        labels_per_class=per_class,
        macro_f1=float(np.mean(f1)),
        macro_f1_deviation=float(np.std(f1, ddof=1)) if len(told) > 1 else None,
        accuracy=float(np.mean(accuracy)),
        accuracy_deviation=float(np.std(accuracy, ddof=1)) if len(told) > 1 else None,
        draws=len(told),
    )


def _parts(data: object, seed: int) -> tuple[Records, Records, str]:
    """The training part, the test, and a sentence on how they came about."""
    if isinstance(data, str | Path) and Path(data).is_dir():
        train, test = (read_task_table(required_table(Path(data), name)) for name in ("train", "test"))
        return train, test, ""
    whole = read_task_table(data)
    if "split" in whole.roles:
        return rows_of_split(whole, "train")[0], rows_of_split(whole, "test")[0], ""
    labels = np.array(filled_texts(whole, column_named(whole, "label")))
    rng, learned = np.random.default_rng(seed), []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        learned += rows[: (len(rows) + 1) // 2].tolist()  # a class of one text can only be learned
    others = np.setdiff1d(np.arange(len(whole)), learned)
    if not len(others):
        raise DataError(f"{whole.name}: a class needs two texts or more to be judged. None has. Give more rows.")
    note = f"{whole.name} has no column 'split': the half of each class that is learned was drawn (seed {seed}). "
    return whole.take(np.sort(learned)), whole.take(others), note


def _labeled(part: Records, columns: Sequence[str], encode: Encode) -> tuple[Vectors, Labels]:
    label = column_named(part, "label")
    names = np.array(filled_texts(part, label))
    return encode(joined_texts(part, columns, (label, "split", "id"))), names
