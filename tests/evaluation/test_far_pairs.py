"""Pairs that an encoder finds unrelated."""

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.evaluation import far_pairs


def test_pairs_that_are_equal_are_near_and_pairs_joined_at_random_are_not(rng) -> None:
    vectors = rng.normal(size=(400, 16))
    assert far_pairs(vectors, vectors).share == 0
    found = far_pairs(vectors, rng.permutation(vectors))
    assert found.share == pytest.approx(0.95, abs=0.04)
    assert found.pairs == 400


def test_known_by_thought() -> None:
    axes = np.eye(4)
    far = np.roll(axes, 1, axis=0)
    assert far_pairs(axes, np.concatenate([axes[:3], far[3:]]), quantile=0.5).share == 0.25
    assert far_pairs(axes, axes, quantile=0.5).threshold == 0
    assert far_pairs(axes, np.zeros((4, 4))).share == 1, "nothing is known of the other side"


def test_lengths_and_the_order_of_pairs_do_not_matter_beyond_what_is_drawn(rng) -> None:
    first = rng.normal(size=(300, 8))
    second = first + rng.normal(size=(300, 8))
    found = far_pairs(first, second)
    assert far_pairs(first * 7, second * rng.uniform(1, 9, (300, 1))).share == pytest.approx(found.share)
    order = rng.permutation(300)
    assert far_pairs(first[order], second[order]).share == pytest.approx(found.share, abs=0.03)
    assert found == far_pairs(first, second)


def test_tables_that_do_not_fit() -> None:
    for first, second in ((np.eye(3), np.eye(4)), (np.ones((1, 2)), np.ones((1, 2)))):
        with pytest.raises(ConfigurationError, match="at least 2 pairs"):
            far_pairs(first, second)
    with pytest.raises(ConfigurationError, match="quantile must be in"):
        far_pairs(np.eye(3), np.eye(3), quantile=2)
