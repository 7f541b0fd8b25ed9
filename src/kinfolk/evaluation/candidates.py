"""How many true links survive among the candidate pairs, and how many comparisons were saved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.links import pair_keys
from kinfolk.evaluation.tables import TableLike, read_columns


@dataclass(frozen=True)
class CandidateMetrics:
    """How good a set of candidate pairs is (Christen 2012, ch. 7).

    Attributes:
        pair_completeness: share of the true links that are candidates, in [0, 1]; no matcher can recall more.
        reduction_ratio: share of all possible pairs that need not be compared, in [0, 1].
        candidates_per_record: candidates for each left record.
        num_candidates, num_true, num_found: distinct candidates, true links, and true links among the candidates.
    """

    pair_completeness: float
    reduction_ratio: float
    candidates_per_record: float
    num_candidates: int
    num_true: int
    num_found: int


def evaluate_candidates(
    candidates: TableLike, truth: TableLike, *, num_left: int, num_right: int | None = None
) -> CandidateMetrics:
    """Compare candidate pairs with the true links.

    Args:
        candidates: columns ``left_id``, ``right_id``; a repeated pair counts once.
        truth: all true links, same columns.
        num_left: records of the left table.
        num_right: records of the right table; None when one table is compared with itself, n(n-1)/2 pairs in all.

    Raises:
        ConfigurationError: a number of records is below one.
        DataError: a column or an id is missing.
    """
    for name, value in (("num_left", num_left), ("num_right", num_right)):
        if value is not None and value < 1:
            raise ConfigurationError(f"{name} must be a number of records, at least 1. Got {value}.")
    num_candidates, num_true, num_found = _counts(candidates, truth)
    possible = num_left * num_right if num_right is not None else num_left * (num_left - 1) // 2
    return CandidateMetrics(
        pair_completeness=num_found / num_true if num_true else 1.0,
        reduction_ratio=1.0 - num_candidates / possible if possible else 0.0,
        candidates_per_record=num_candidates / num_left,
        num_candidates=num_candidates,
        num_true=num_true,
        num_found=num_found,
    )


def pair_completeness(candidates: TableLike, truth: TableLike) -> float:
    """Give the share of the true links that are among the candidates, in [0, 1]; 1 if there are no true links.

    Args:
        candidates: columns ``left_id``, ``right_id``.
        truth: all true links, same columns.

    Raises:
        DataError: a column or an id is missing.
    """
    _, num_true, num_found = _counts(candidates, truth)
    return num_found / num_true if num_true else 1.0


def _counts(candidates: TableLike, truth: TableLike) -> tuple[int, int, int]:
    columns = ("left_id", "right_id")
    keys, true_keys = pair_keys(
        read_columns(candidates, columns, name="The candidates"), read_columns(truth, columns, name="The true links")
    )
    distinct, distinct_true = np.unique(keys), np.unique(true_keys)
    found = np.intersect1d(distinct, distinct_true, assume_unique=True).size
    return int(distinct.size), int(distinct_true.size), int(found)
