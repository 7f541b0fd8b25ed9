"""The cut below which the nearest record is no answer."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfolk.errors import DataError
from kinfolk.evaluation import none_threshold

# similarity, and whether the nearest record is right, is wrong, or there is no match
queries = st.lists(st.tuples(st.integers(-3, 4), st.sampled_from(["right", "wrong", "no match"])), max_size=25)


def test_known_answer() -> None:
    cut = none_threshold([0.9, 0.8, 0.7, 0.6, 0.5], [1, 0, 1, 0, 0], [1, 1, 1, 0, 0])
    assert (cut.threshold, cut.accuracy) == (0.7, 0.8)
    assert (cut.none_precision, cut.none_recall, cut.none_f1) == (1.0, 1.0, 1.0)


@given(rows=queries, lost=st.integers(0, 2))
def test_equals_trying_every_cut(rows: list[tuple[int, str]], lost: int) -> None:
    rows = [*rows, (0, "no match")]
    similarity = np.array([row[0] for row in rows] + [-np.inf] * lost)
    correct = np.array([row[1] == "right" for row in rows] + [False] * lost)
    has_match = np.array([row[1] != "no match" for row in rows] + [True] * lost)
    tried = []
    for value in [*np.unique(similarity[similarity > -np.inf]), np.inf]:
        answered = similarity >= value
        tried.append((np.where(answered, correct, ~has_match).mean(), -value))
    cut = none_threshold(similarity, correct, has_match)
    assert (cut.accuracy, -cut.threshold) == max(tried)
    none = similarity < cut.threshold
    right = int((none & ~has_match).sum())
    assert cut.none_precision == (right / none.sum() if none.any() else 0.0)
    assert cut.none_recall == right / (~has_match).sum()
    assert cut.none_f1 == 2 * right / (none.sum() + (~has_match).sum())


def test_none_at_every_cut_where_no_answer_is_right() -> None:
    cut = none_threshold([0.9, 0.8], [0, 0], [0, 0])
    assert (cut.threshold, cut.accuracy, cut.none_f1) == (math.inf, 1.0, 1.0)


def test_queries_that_found_nothing_are_none() -> None:
    cut = none_threshold([-np.inf, -np.inf, 0.3], [0, 0, 1], [0, 1, 1])
    assert (cut.threshold, cut.accuracy, cut.none_precision) == (0.3, 2 / 3, 0.5)


@pytest.mark.parametrize(
    ("similarity", "correct", "has_match", "message"),
    [
        ([0.1, np.nan], [1, 0], [1, 0], "Row 2 is NaN"),
        ([0.1], [1, 0], [1, 0], "one entry for each query"),
        ([0.1, 0.2], [0, 1], [1, 0], "Row 2 says that it has none"),
        ([0.1, 0.2], [0, 1], [1, 1], "queries without a match"),
        ([], [], [], "queries without a match"),
    ],
)
def test_errors(similarity: list[float], correct: list[int], has_match: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        none_threshold(similarity, correct, has_match)
