"""Pair completeness and reduction ratio."""

import pyarrow as pa
import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.evaluation import evaluate_candidates, pair_completeness


def table(rows: list[tuple[object, object]]) -> pa.Table:
    return pa.table({"left_id": [row[0] for row in rows], "right_id": [row[1] for row in rows]})


candidates = table([(1, 1), (1, 2), (2, 2), (2, 2), (3, 1), (4, 4)])
truth = table([("1", "1"), ("2", "2"), ("3", "3"), ("4", "4")])


def test_known_answer() -> None:
    metrics = evaluate_candidates(candidates, truth, num_left=5, num_right=10)
    assert (metrics.num_candidates, metrics.num_true, metrics.num_found) == (5, 4, 3)
    assert (metrics.pair_completeness, metrics.reduction_ratio, metrics.candidates_per_record) == (0.75, 0.9, 1.0)
    assert pair_completeness(candidates, truth) == 0.75


def test_one_table_with_itself_has_half_the_pairs() -> None:
    assert evaluate_candidates(candidates, truth, num_left=5).reduction_ratio == 0.5


def test_nothing_to_find_is_complete() -> None:
    none = pa.table({"left_id": pa.array([], pa.string()), "right_id": pa.array([], pa.string())})
    assert pair_completeness(candidates, none) == 1.0
    assert pair_completeness(none, truth) == 0.0


def test_numbers_of_records_are_checked() -> None:
    with pytest.raises(ConfigurationError, match="num_right must be a number of records, at least 1. Got 0."):
        evaluate_candidates(candidates, truth, num_left=5, num_right=0)
