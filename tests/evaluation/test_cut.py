"""The best cut."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation import best_cut

pairs = st.lists(st.tuples(st.integers(-3, 6), st.booleans()), min_size=1, max_size=30)


def test_known_answer() -> None:
    cut = best_cut([0.9, 0.8, 0.7, 0.6, 0.1], [1, 1, 0, 1, 0])
    assert (cut.threshold, cut.precision, cut.recall, cut.f1) == (0.6, 0.75, 1.0, 6 / 7)


@given(rows=pairs, missed=st.integers(0, 5))
def test_equals_trying_every_cut(rows: list[tuple[int, bool]], missed: int) -> None:
    scores, correct = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    total = int(correct.sum()) + missed
    cut = best_cut(scores, correct, total)
    tried = [
        (2 * int((correct & (scores >= value)).sum()) / (int((scores >= value).sum()) + total), -int(value))
        for value in np.unique(scores)
    ]
    if not correct.any():
        assert (cut.threshold, cut.f1) == (math.inf, 0.0)
        return
    highest, lowest = max(tried)
    assert (cut.f1, cut.threshold) == (highest, -lowest)
    linked = scores >= cut.threshold
    assert cut.precision == correct[linked].mean()
    assert cut.recall == correct[linked].sum() / total


def test_equal_scores_stay_together() -> None:
    assert best_cut([0.5, 0.5, 0.5, 0.5], [1, 0, 0, 0]).precision == 0.25


def test_of_equal_f1_the_lowest_cut() -> None:
    # F1 is 2/3 after one pair and again after four.
    cut = best_cut([0.9, 0.8, 0.7, 0.6], [1, 0, 0, 1])
    assert (cut.threshold, cut.f1) == (0.6, 2 / 3)


def test_agrees_with_the_precision_recall_curve() -> None:
    rng = np.random.default_rng(0)
    correct = rng.random(300) < 0.3
    scores = np.round(correct + rng.normal(size=300), 2)
    precision, recall, thresholds = precision_recall_curve(correct, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    cut = best_cut(scores, correct)
    assert cut.threshold == thresholds[int(np.argmax(f1))]
    assert cut.f1 == pytest.approx(f1.max())


def test_errors() -> None:
    with pytest.raises(DataError, match="Row 2 is NaN"):
        best_cut([0.1, math.nan], [1, 0])
    with pytest.raises(DataError, match="one truth for each score"):
        best_cut([0.1], [1, 0])
    with pytest.raises(ConfigurationError, match="at least 2 here. Got 1"):
        best_cut([0.1, 0.2], [1, 1], 1)
