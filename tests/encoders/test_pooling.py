"""Pooling of the parts of a record."""

import numpy as np
import pytest

from kinfolk.encoders.pooling import pool
from kinfolk.errors import ConfigurationError, DataError


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def image(rng: np.random.Generator) -> np.ndarray:
    return unit(rng.normal(size=(200, 33)))


@pytest.fixture
def text(rng: np.random.Generator) -> np.ndarray:
    return unit(np.random.default_rng(rng.integers(10**6)).normal(size=(200, 33)))


def test_equals_the_formula(image: np.ndarray, text: np.ndarray) -> None:
    image[3], text[5] = 0, 0
    expected = unit(0.7 * image.astype(float) + 0.3 * text.astype(float))
    np.testing.assert_allclose(pool([image, text], [0.7, 0.3]), expected, atol=2e-7)


def test_a_weight_of_one_is_that_part_bit_for_bit(image: np.ndarray, text: np.ndarray) -> None:
    text[::7] = 0
    np.testing.assert_array_equal(pool([image, text], [1.0, 0.0]), image)
    np.testing.assert_array_equal(pool([image, text], [0.0, 1.0]), text)


@pytest.mark.parametrize("weight", [0.1, 0.5, 0.9])
def test_a_missing_image_is_a_weight_of_zero_for_its_row(image: np.ndarray, text: np.ndarray, weight: float) -> None:
    image[::3] = 0
    pooled = pool([image, text], [weight, 1 - weight])
    np.testing.assert_array_equal(pooled[::3], pool([image, text], [0.0, 1.0])[::3])
    assert not np.array_equal(pooled[1::3], text[1::3])


def test_a_row_depends_on_no_other_row(image: np.ndarray, text: np.ndarray) -> None:
    whole = pool([image, text], [0.3, 0.7])
    alone = [pool([image[i : i + 1], text[i : i + 1]], [0.3, 0.7])[0] for i in range(len(image))]
    np.testing.assert_array_equal(whole, alone)


def test_pooling_a_result_again_changes_nothing(image: np.ndarray, text: np.ndarray) -> None:
    pooled = pool([image, text], [0.4, 0.6])
    np.testing.assert_array_equal(pool([pooled], [0.2]), pooled)


def test_only_the_proportions_of_the_weights_count(image: np.ndarray, text: np.ndarray) -> None:
    np.testing.assert_array_equal(pool([image, text], [0.25, 0.75]), pool([image, text], [1e30, 3e30]))


def test_several_parts_and_their_order(image: np.ndarray, text: np.ndarray) -> None:
    third = -image
    pooled = pool([image, text, third], [1, 2, 1])
    np.testing.assert_allclose(pooled, text, atol=1e-6)
    np.testing.assert_allclose(pool([third, image, text], [1, 1, 2]), pooled, atol=1e-6)


def test_nothing_known_and_parts_that_cancel_out_give_zeros(image: np.ndarray) -> None:
    nothing = np.zeros_like(image)
    np.testing.assert_array_equal(pool([nothing, nothing], [0.5, 0.5]), nothing)
    np.testing.assert_array_equal(pool([image, -image], [0.5, 0.5]), nothing)


def test_the_inputs_stay_as_they_are(image: np.ndarray, text: np.ndarray) -> None:
    before = image.copy(), text.copy()
    pool([image, text], [1, 0])[:] = 5
    np.testing.assert_array_equal(before, (image, text))


def test_no_records() -> None:
    assert pool([np.zeros((0, 4)), np.zeros((0, 4))], [1, 1]).shape == (0, 4)


@pytest.mark.parametrize("weights", [[1.0], [0.0, 0.0], [-0.1, 1.0], [np.nan, 1.0]])
def test_weights_that_do_not_fit(image: np.ndarray, weights: list[float]) -> None:
    with pytest.raises(ConfigurationError, match="weight"):
        pool([image, image], weights)


def test_tables_that_do_not_fit(image: np.ndarray) -> None:
    with pytest.raises(DataError, match=r"one shape \(num, dim\)\. Got \(200, 33\), \(199, 33\)"):
        pool([image, image[1:]], [1, 1])
    with pytest.raises(DataError, match="part 2 must hold unit vectors"):
        pool([image, 2 * image], [1, 1])
