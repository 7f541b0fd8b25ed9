"""Precision, recall and F1 of links."""

import re

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfolk.errors import DataError
from kinfolk.evaluation import evaluate_links

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=30)


def table(rows: list[tuple[object, object]]) -> pa.Table:
    return pa.table({"left_id": [row[0] for row in rows], "right_id": [row[1] for row in rows]})


def test_known_answer() -> None:
    predicted = table([("a", "x"), ("b", "y"), ("c", "z"), ("d", "w")])
    truth = table([("a", "x"), ("b", "y"), ("c", "q"), ("e", "v"), ("f", "u")])
    metrics = evaluate_links(predicted, truth)
    assert (metrics.num_predicted, metrics.num_true, metrics.num_correct) == (4, 5, 2)
    assert (metrics.precision, metrics.recall, metrics.f1) == (0.5, 0.4, 4 / 9)
    assert metrics.notes == ()


@given(predicted=pairs, truth=pairs)
def test_equals_sets(predicted: list[tuple[int, int]], truth: list[tuple[int, int]]) -> None:
    integers = {
        "left_id": pa.array([row[0] for row in predicted], pa.int64()),
        "right_id": pa.array([row[1] for row in predicted], pa.int64()),
    }
    texts = {
        "left_id": pa.array([str(row[0]) for row in truth], pa.string()),
        "right_id": pa.array([str(row[1]) for row in truth], pa.string()),
    }
    metrics = evaluate_links(pa.table(integers), pa.table(texts))
    one, two = set(predicted), set(truth)
    assert metrics.num_correct == len(one & two)
    assert metrics.precision == (len(one & two) / len(one) if one else float(not two))
    assert metrics.recall == (len(one & two) / len(two) if two else float(not one))
    harmonic = 2 * metrics.precision * metrics.recall / max(metrics.precision + metrics.recall, 1e-300)
    assert metrics.f1 == pytest.approx(harmonic)


def test_ids_are_compared_as_text() -> None:
    truth = table([("7", "007"), ("8", "9")])
    assert evaluate_links(table([(7, "007")]), truth).num_correct == 1
    assert evaluate_links(table([(7, 7)]), truth).num_correct == 0
    assert evaluate_links(table([(8.0, 9.0)]), truth).num_correct == 1
    assert evaluate_links(table([(8.0, 9.0), (1.5, 12345678.0)]), table([("1.5", "12345678")])).num_correct == 1
    as_categories = pa.table({"left_id": pa.array(["8"]).dictionary_encode(), "right_id": pa.array([9], pa.int8())})
    assert evaluate_links(as_categories, truth).num_correct == 1


def test_pair_sides_matter_and_ids_do_not_run_together() -> None:
    assert evaluate_links(table([("a", "b")]), table([("b", "a")])).num_correct == 0
    assert evaluate_links(table([("1", "23")]), table([("12", "3")])).num_correct == 0


def test_duplicates_count_once_with_a_note() -> None:
    metrics = evaluate_links(table([(1, 2), (1, 2), (3, 4)]), table([(1, 2), (1, 2), (1, 2)]))
    assert (metrics.num_predicted, metrics.num_true, metrics.num_correct) == (2, 1, 1)
    assert metrics.notes == (
        "1 of 3 predicted links repeat another row and were counted once.",
        "2 of 3 true links repeat another row and were counted once.",
    )


def test_labels_judge_only_their_pairs() -> None:
    truth = pa.table({"left_id": [1, 2, 3], "right_id": [1, 2, 3], "label": ["1", "no", "YES"]})
    metrics = evaluate_links(table([(1, 1), (2, 2), (9, 9)]), truth)
    assert (metrics.precision, metrics.recall, metrics.num_predicted) == (0.5, 0.5, 2)
    assert metrics.notes == (
        "The truth judges 3 pairs; 1 of the 3 predicted links are not among them and were left out.",
    )


def test_labels_that_are_all_one_are_a_full_list() -> None:
    truth = pa.table({"left_id": [1, 2], "right_id": [1, 2], "label": [1, 1]})
    assert evaluate_links(table([(1, 1), (9, 9)]), truth).precision == 0.5


def test_label_errors_name_the_row() -> None:
    truth = pa.table({"left_id": [1, 2], "right_id": [1, 2], "label": ["1", "perhaps"]})
    with pytest.raises(
        DataError,
        match=re.escape("column label, row 2: expected yes or no (or 1 and 0, true and false). Got 'perhaps'."),
    ):
        evaluate_links(table([(1, 1)]), truth)
    both = pa.table({"left_id": [1, 1], "right_id": [2, 2], "label": [1, 0]})
    with pytest.raises(DataError, match=re.escape("row 1: the pair (1, 2) is labelled both 1 and 0. Keep one")):
        evaluate_links(table([(1, 1)]), both)


def test_column_and_id_errors() -> None:
    with pytest.raises(
        DataError,
        match="predicted links must have the columns left_id, right_id; right_id is missing. It has: left_id, b.",
    ):
        evaluate_links(pa.table({"left_id": [1], "b": [1]}), table([(1, 1)]))
    with pytest.raises(DataError, match="true links, column right_id, row 2: an id is missing"):
        evaluate_links(table([(1, 1)]), table([(1, 1), (2, None)]))
    with pytest.raises(DataError, match="must be a table .* Got int"):
        evaluate_links(3, table([(1, 1)]))  # type: ignore[arg-type]


def test_nothing_predicted_and_nothing_shared() -> None:
    none = pa.table({"left_id": pa.array([], pa.string()), "right_id": pa.array([], pa.string())})
    metrics = evaluate_links(none, table([(1, 1)]))
    assert (metrics.precision, metrics.recall, metrics.f1) == (0.0, 0.0, 0.0)
    assert "Nothing was predicted" in metrics.notes[0]
    assert evaluate_links(none, none).f1 == 1.0
    assert "same ids" in evaluate_links(table([(1, 1)]), table([(2, 2)])).notes[0]


def test_every_kind_of_table_gives_the_same() -> None:
    columns = {"left_id": ["a", "b"], "right_id": ["x", "y"]}
    truth = {"left_id": ["a"], "right_id": ["x"]}
    expected = evaluate_links(pa.table(columns), pa.table(truth))
    for kind in (pd.DataFrame, pl.DataFrame, dict):
        assert evaluate_links(kind(columns), kind(truth)) == expected
