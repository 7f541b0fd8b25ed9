"""Learners kept as arrays say what scikit-learn's own models say."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import ndtri
from sklearn.ensemble import HistGradientBoostingClassifier

from kinfolk.linking.learners import (
    LIMIT,
    MISSING,
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
from kinfolk.linking.map_logistic import fit_map_logistic, sigmoid


def sample(count: int = 600) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    values = random.normal(size=(count, 4)).astype(np.float32)
    labels = (values[:, 0] + values[:, 1] ** 2 + random.normal(size=count) > 1).astype(np.int8)
    values[random.random(values.shape) < 0.1] = MISSING
    return values, labels


def test_boosting_equals_its_scikit_learn_model(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = []
    fit = HistGradientBoostingClassifier.fit

    def remember(self: HistGradientBoostingClassifier, *given: np.ndarray) -> HistGradientBoostingClassifier:
        fitted.append(self)
        return fit(self, *given)

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", remember)
    values, labels = sample()
    forest = fit_boosting(values, labels, seed=0)
    expected = np.clip(fitted[0].decision_function(values), -LIMIT, LIMIT)
    np.testing.assert_allclose(forest.log_odds(values), expected, atol=1e-5)


def test_extra_trees_vote_as_a_slow_walk_through_the_arrays() -> None:
    values, labels = sample(120)
    forest = fit_extra_trees(values, labels, seed=0, num_trees=7)
    slow = []
    for row in values:
        share = 0.0
        for root in forest.roots:
            node = root
            while forest.column[node] >= 0:
                low = row[forest.column[node]] <= forest.threshold[node]
                node = forest.left[node] if low else forest.right[node]
            share += forest.value[node]
        slow.append(np.clip(np.log(share / (1 - share)), -LIMIT, LIMIT))
    np.testing.assert_allclose(forest.log_odds(values), slow, rtol=1e-9)
    assert ((forest.log_odds(values) > 0) == (labels == 1)).mean() > 0.9


def test_one_class_word_gets_the_weight_of_its_side() -> None:
    values = np.zeros((200, 1), dtype=np.float32)
    labels = np.tile([0, 1], 100).astype(np.int8)
    words = sp.csr_matrix(np.column_stack([labels, 1 - labels]).astype(np.float32))
    weights = fit_linear(values, labels, words).tokens
    assert weights[0] > 1
    assert weights[1] == pytest.approx(-weights[0], abs=0.2)


def test_scaler_gives_normal_quantiles_of_ranks_and_keeps_ties_in_the_middle() -> None:
    values = np.array([[0.0, np.nan], [0.0, np.nan], [0.0, np.nan], [1.0, np.nan]], dtype=np.float32)
    scaled = fit_scaler(values, num_quantiles=401)(values)
    assert (scaled[:, 1] == MISSING).all()
    middle_of_zeros = ndtri((2 / 3) / 2)  # zeros hold the ranks 0 to 2 of 0..3
    assert scaled[0, 0] == pytest.approx(middle_of_zeros, abs=0.02)
    assert scaled[3, 0] == 4.0
    assert (fit_scaler(values)(np.array([[np.nan, 5.0]], np.float32)) == MISSING).all()


def test_scaling_does_not_change_under_a_monotone_map_of_the_column() -> None:
    random = np.random.default_rng(3)
    column = random.random((300, 1)).astype(np.float32)
    stretched = (column * 8).astype(np.float32)
    np.testing.assert_allclose(fit_scaler(column)(column), fit_scaler(stretched)(stretched), atol=1e-4)


@pytest.mark.parametrize("make", [fit_extra_trees, fit_boosting])
def test_arrays_hold_the_whole_learner(make: type) -> None:
    values, labels = sample(200)
    forest = make(values, labels, seed=1)
    again = from_arrays(Forest, to_arrays(forest, "x"), "x")
    np.testing.assert_array_equal(again.log_odds(values), forest.log_odds(values))
    linear = fit_linear(values, labels, None)
    assert from_arrays(Linear, to_arrays(linear, "y"), "y").log_odds(values, None) == pytest.approx(
        linear.log_odds(values, None)
    )
    scaler = fit_scaler(values)
    np.testing.assert_array_equal(from_arrays(Scaler, to_arrays(scaler, "z"), "z")(values), scaler(values))


def test_map_logistic_stays_at_its_prior_without_data_and_finds_the_odds_with_much() -> None:
    mean, spread = np.array([0.3, 1.0]), np.array([1.0, 0.5])
    none = fit_map_logistic(np.empty((0, 2)), np.empty(0, np.int8), mean, spread)
    np.testing.assert_allclose(none, mean)
    # An intercept alone: 3 of 4 labels are 1, so the log-odds are ln 3.
    design, labels = np.ones((40_000, 1)), np.tile([1, 1, 1, 0], 10_000).astype(np.int8)
    assert fit_map_logistic(design, labels, np.zeros(1), np.ones(1))[0] == pytest.approx(np.log(3), abs=1e-3)
    assert sigmoid(np.array([0.0, np.log(3.0)])) == pytest.approx([0.5, 0.75])
