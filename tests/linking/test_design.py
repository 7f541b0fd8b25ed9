"""The design: sums over comparisons as they are equal those over a table laid out in full."""

import numpy as np

from kinfolk.linking.compare import Comparisons
from kinfolk.linking.design import standardize


def comparisons() -> Comparisons:
    random = np.random.default_rng(0)
    values = random.normal(size=(200, 5)).astype(np.float32)
    values[random.random(200) < 0.3, 1] = np.nan
    values[:, 2] = np.where(np.isnan(values[:, 1]), np.nan, values[:, 2])  # missing where its neighbor is
    values[:, 3] = np.nan  # never known
    return Comparisons(("name", "price", "price", "void", "name"), values, {"name": 0, "price": 1}, np.full(200, 9.0))


def test_one_indicator_a_pattern_and_none_for_what_is_never_known() -> None:
    design = standardize(comparisons())
    assert design.known.tolist() == [0, 1, 2, 4]
    assert design.indicators.tolist() == [1]
    rows = design.rows(np.arange(200))
    there = rows[:, 4] == 0
    np.testing.assert_allclose(rows[there][:, :4].mean(axis=0)[1:3], 0, atol=1e-6)
    np.testing.assert_allclose(rows[there][:, 1:3].std(axis=0), 1, rtol=1e-6)
    assert (rows[~there][:, 1:3] == 0).all()


def test_score_and_owners_equal_the_product_with_all_rows() -> None:
    design = standardize(comparisons())
    weights = np.random.default_rng(1).normal(size=design.width)
    rows = design.rows(np.arange(200))
    np.testing.assert_allclose(design.score(weights), rows @ weights, atol=1e-6)
    labels, parts = design.by_owner(weights)
    assert labels == ("name", "price")
    np.testing.assert_allclose(parts[:, 0], rows[:, [0, 3]] @ weights[[0, 3]], atol=1e-5)
    np.testing.assert_allclose(parts.sum(axis=1), rows @ weights, atol=1e-5)


def test_the_mean_of_columns_is_a_score() -> None:
    design = standardize(comparisons())
    rows = design.rows(np.arange(200))
    np.testing.assert_allclose(design.score(design.weights_of([0, 1])), rows[:, [0, 1]].mean(axis=1), atol=1e-6)
