"""Known neighbors, and equality with a loop."""

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.nearest import nearest


def test_nearest_by_angle_whatever_the_length() -> None:
    angle = np.deg2rad([0, 10, 40, 90])
    vectors = np.column_stack([np.cos(angle), np.sin(angle)]) * [[1], [50], [0.1], [3]]
    found = nearest(vectors, np.array([1, 3]), k=2)
    assert found.rows.tolist() == [[0, 2], [2, 1]]
    np.testing.assert_allclose(found.cosines, np.cos(np.deg2rad([[10, 30], [50, 80]])))


def test_equals_a_loop(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(40, 6))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = np.array([3, 17, 39])
    found = nearest(vectors, queries, k=5)
    for place, query in enumerate(queries):
        others = sorted((-float(unit[query] @ unit[row]), row) for row in range(40) if row != query)
        assert found.rows[place].tolist() == [row for _, row in others[:5]]


def test_equal_ones_come_in_their_order_and_never_the_query_itself() -> None:
    found = nearest(np.ones((4, 2)), np.array([1]), k=9)
    assert found.rows.tolist() == [[0, 2, 3]]
    assert nearest(np.ones((1, 2)), np.array([0]), k=5).rows.shape == (1, 0)


def test_what_has_no_neighbors_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="k must be at least 1"):
        nearest(np.ones((2, 2)), np.array([0]), k=0)
