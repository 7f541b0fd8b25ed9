import numpy as np
import pytest

from kinfolk.data.corpora import sampling_probabilities
from kinfolk.errors import ConfigurationError


def test_from_all_alike_to_in_proportion() -> None:
    sizes = [100, 10, 1]
    assert sampling_probabilities(sizes).tolist() == pytest.approx([1 / 3] * 3)
    assert sampling_probabilities(sizes, coefficient=1).tolist() == pytest.approx([100 / 111, 10 / 111, 1 / 111])
    # Square roots of 100, 10 and 1.
    total = 10 + 10**0.5 + 1
    half = sampling_probabilities(sizes, coefficient=0.5)
    assert half.tolist() == pytest.approx([10 / total, 10**0.5 / total, 1 / total])


def test_the_unit_of_the_sizes_does_not_matter() -> None:
    sizes = np.array([3.0, 70.0, 900.0])
    of_documents, of_bytes = (sampling_probabilities(sizes * unit, coefficient=0.3) for unit in (1, 1e9))
    np.testing.assert_allclose(of_bytes, of_documents)


def test_an_empty_corpus_is_never_drawn() -> None:
    assert sampling_probabilities([5, 0, 2]).tolist() == [0.5, 0, 0.5]


def test_a_large_exponent_leaves_the_largest() -> None:
    assert sampling_probabilities([9, 3], coefficient=1e4).tolist() == [1, 0]


@pytest.mark.parametrize("sizes", [[], [0, 0], [1, -1], [1, float("nan")], [[1, 2]]])
def test_sizes_that_cannot_be(sizes: list[float]) -> None:
    with pytest.raises(ConfigurationError, match="sizes must be"):
        sampling_probabilities(sizes)


def test_a_coefficient_that_cannot_be() -> None:
    with pytest.raises(ConfigurationError, match=r"coefficient must be a number in \[0, inf\). Got -1"):
        sampling_probabilities([1, 2], coefficient=-1)
