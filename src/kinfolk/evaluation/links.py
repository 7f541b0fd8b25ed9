"""Precision, recall and F1 of a list of links against the true ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kinfolk.data.verdict import read_verdict
from kinfolk.errors import DataError
from kinfolk.evaluation.tables import TableLike, as_strings, as_table, id_strings, read_columns, shared_codes


@dataclass(frozen=True)
class LinkMetrics:
    """How good a list of links is.

    Attributes:
        precision: share of the predicted links that are true, in [0, 1].
        recall: share of the true links that were predicted, in [0, 1].
        f1: harmonic mean of the two.
        num_predicted, num_true, num_correct: counts of distinct pairs.
        notes: sentences on what was counted how.
    """

    precision: float
    recall: float
    f1: float
    num_predicted: int
    num_true: int
    num_correct: int
    notes: tuple[str, ...] = ()


def f1_score(num_correct: float, num_predicted: float, num_true: float) -> tuple[float, float, float]:
    """Give precision, recall and F1 from counts.

    With nothing predicted and nothing true all three are 1: saying "none" was right. Otherwise a share of nothing is 0.
    """
    if num_predicted == 0 and num_true == 0:
        return 1.0, 1.0, 1.0
    precision = num_correct / num_predicted if num_predicted else 0.0
    recall = num_correct / num_true if num_true else 0.0
    return precision, recall, 2.0 * num_correct / (num_predicted + num_true)


def evaluate_links(predicted: TableLike, truth: TableLike) -> LinkMetrics:
    """Compare predicted links with the true ones.

    Ids are compared as text: the integer 7 equals "7", and "007" stays another id. A repeated pair counts once.

    Args:
        predicted: columns ``left_id``, ``right_id``; other columns are ignored.
        truth: columns ``left_id``, ``right_id``, and optionally ``label`` (1/0, true/false, yes/no). Without labels
            the table is the list of *all* true links. With at least one 0 among the labels it is a list of *judged
            pairs*: a predicted pair outside it is not judged, and neither helps nor harms (the Magellan benchmarks
            work this way).

    Returns:
        Precision, recall, F1 and the counts behind them.

    Raises:
        DataError: a column or an id is missing, or a label cannot be read or contradicts another.
    """
    notes: list[str] = []
    predicted_table = read_columns(predicted, ("left_id", "right_id"), name="The predicted links")
    truth_table = as_table(truth, name="The true links")
    read_columns(truth_table, ("left_id", "right_id"), name="The true links")
    predicted_keys, truth_keys = pair_keys(predicted_table, truth_table)
    unique_predicted = _distinct(predicted_keys, "predicted links", notes)
    if "label" in truth_table.column_names:
        labels = read_labels(truth_table.column("label"), where="The true links, column label")
        _check_labels(truth_keys, labels, truth_table)
        true_keys = _distinct(truth_keys[labels], "true links", notes)
        if not labels.all():
            judged = np.isin(unique_predicted, truth_keys)
            if not judged.all():
                notes.append(
                    f"The truth judges {np.unique(truth_keys).size:,} pairs; {int((~judged).sum()):,} of the "
                    f"{unique_predicted.size:,} predicted links are not among them and were left out."
                )
            unique_predicted = unique_predicted[judged]
    else:
        true_keys = _distinct(truth_keys, "true links", notes)
    num_correct = int(np.intersect1d(unique_predicted, true_keys, assume_unique=True).size)
    precision, recall, f1 = f1_score(num_correct, unique_predicted.size, true_keys.size)
    if not unique_predicted.size and true_keys.size:
        notes.append("Nothing was predicted; precision is given as 0.")
    if num_correct == 0 and unique_predicted.size and true_keys.size:
        notes.append("No predicted link is true. Check that both tables use the same ids and the same left and right.")
    return LinkMetrics(
        precision, recall, f1, int(unique_predicted.size), int(true_keys.size), num_correct, tuple(notes)
    )


def pair_keys(predicted: pa.Table, truth: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number the pairs of two tables so that equal pairs, and only these, get equal numbers."""
    names = ("The predicted links", "The true links")
    left = [id_strings(table, "left_id", name=name) for table, name in zip((predicted, truth), names, strict=True)]
    right = [id_strings(table, "right_id", name=name) for table, name in zip((predicted, truth), names, strict=True)]
    left_predicted, left_truth, _ = shared_codes(left[0], left[1])
    right_predicted, right_truth, num_right = shared_codes(right[0], right[1])
    return left_predicted * num_right + right_predicted, left_truth * num_right + right_truth


def read_labels(values: pa.ChunkedArray, *, where: str) -> NDArray[np.bool_]:
    """Read labels that say match or no match.

    Args:
        values: 1/0, true/false, yes/no, y/n, as text, numbers or booleans.
        where: named in an error.

    Raises:
        DataError: a label is missing or is none of these.
    """
    texts = as_strings(values, where=where).to_pylist()
    verdicts = [read_verdict(text, where=f"{where}, row {row}") for row, text in enumerate(texts, start=1)]
    if None in verdicts:
        raise DataError(f"{where}, row {verdicts.index(None) + 1}: a label is missing. Write yes or no (or 1 and 0).")
    return np.array(verdicts, dtype=np.bool_)


def _distinct(keys: NDArray[np.int64], what: str, notes: list[str]) -> NDArray[np.int64]:
    unique = np.unique(keys)
    if unique.size < keys.size:
        notes.append(f"{keys.size - unique.size:,} of {keys.size:,} {what} repeat another row and were counted once.")
    return unique


def _check_labels(keys: NDArray[np.int64], labels: NDArray[np.bool_], truth: pa.Table) -> None:
    both = np.intersect1d(keys[labels], keys[~labels])
    if both.size:
        row = int(np.flatnonzero(keys == both[0])[0])
        left, right = truth.column("left_id")[row].as_py(), truth.column("right_id")[row].as_py()
        raise DataError(
            f"The true links, row {row + 1}: the pair ({left}, {right}) is labelled both 1 and 0"
            + (f", and so are {both.size - 1:,} others" if both.size > 1 else "")
            + ". Keep one label for each pair."
        )
