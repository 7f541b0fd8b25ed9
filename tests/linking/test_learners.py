"""Learners and the scale they learn on, against answers known by thought."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import ndtri

from kinfolk.linking.learners import (
    LIMIT,
    MISSING,
    fit_boosting,
    fit_extra_trees,
    fit_linear,
    fit_scaler,
)
from kinfolk.linking.map_logistic import fit_map_logistic, sigmoid


def sample(count: int = 600) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    values = random.normal(size=(count, 4)).astype(np.float32)
    labels = (values[:, 0] + values[:, 1] ** 2 + random.normal(size=count) > 1).astype(np.int8)
    values[random.random(values.shape) < 0.1] = MISSING
    return values, labels


def test_boosting_finds_a_curve_and_leaves_constant_columns_out() -> None:
    values, labels = sample()
    constant = np.column_stack([np.zeros(len(values), np.float32), values])
    boosting = fit_boosting(constant, labels, seed=0)
    assert boosting.columns.tolist() == [1, 2, 3, 4]
    assert ((boosting.log_odds(constant) > 0) == (labels == 1)).mean() > 0.8
    nothing = fit_boosting(np.zeros((4, 2), np.float32), np.array([1, 0, 0, 0], np.int8), seed=0)
    np.testing.assert_allclose(nothing.log_odds(np.zeros((2, 2), np.float32)), np.log(1 / 3))


def test_unanimous_trees_are_as_sure_as_their_labels_are_many() -> None:
    values = np.repeat([[0.0], [1.0]], 10, axis=0).astype(np.float32)
    labels = np.repeat([0, 1], 10).astype(np.int8)
    votes = fit_extra_trees(values, labels, seed=0, num_trees=7)
    share = (20 + 0.5) / 21  # twenty labels say 1, one pseudo-label says .5
    np.testing.assert_allclose(votes.log_odds(values[-1:]), np.log(share / (1 - share)))
    np.testing.assert_allclose(votes.log_odds(values[:1]), -np.log(share / (1 - share)))
    assert abs(votes.log_odds(values)).max() < LIMIT


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


def test_map_logistic_stays_at_its_prior_without_data_and_finds_the_odds_with_much() -> None:
    mean, spread = np.array([0.3, 1.0]), np.array([1.0, 0.5])
    none = fit_map_logistic(np.empty((0, 2)), np.empty(0, np.int8), mean, spread)
    np.testing.assert_allclose(none, mean)
    # An intercept alone: 3 of 4 labels are 1, so the log-odds are ln 3.
    design, labels = np.ones((40_000, 1)), np.tile([1, 1, 1, 0], 10_000).astype(np.int8)
    assert fit_map_logistic(design, labels, np.zeros(1), np.ones(1))[0] == pytest.approx(np.log(3), abs=1e-3)
    assert sigmoid(np.array([0.0, np.log(3.0)])) == pytest.approx([0.5, 0.75])
