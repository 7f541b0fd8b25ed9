"""What is far apart stays so, the same seed draws the same map, and degenerate spaces have one, too."""

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.embedding_map import embedding_map


def three_groups(rng: np.random.Generator, each: int) -> tuple[np.ndarray, np.ndarray]:
    groups = np.repeat(np.arange(3), each)
    return 8 * np.eye(16)[groups] + rng.normal(0, 0.3, (3 * each, 16)), groups


@pytest.mark.parametrize(("each", "method"), [(8, "PCA"), (50, "t-SNE")])
def test_three_far_groups_stay_apart(rng: np.random.Generator, each: int, method: str) -> None:
    vectors, groups = three_groups(rng, each)
    found = embedding_map(vectors)
    assert found.method == method
    distance = np.linalg.norm(found.positions[:, None] - found.positions[None], axis=2)
    same = groups[:, None] == groups[None]
    assert distance[same].max() < distance[~same].min()


def test_the_same_vectors_and_seed_give_the_same_map(rng: np.random.Generator) -> None:
    vectors = rng.normal(size=(80, 12))
    first = embedding_map(vectors, seed=3)
    np.testing.assert_array_equal(first.positions, embedding_map(vectors.copy(), seed=3).positions)
    np.testing.assert_allclose(
        embedding_map(7 * vectors[:20]).positions, embedding_map(vectors[:20]).positions, atol=1e-9
    )


@pytest.mark.parametrize("num", [2, 3, 29, 30, 31])
@pytest.mark.parametrize("dim", [1, 2, 5])
def test_a_map_fills_the_unit_square_in_its_longer_direction(rng: np.random.Generator, num: int, dim: int) -> None:
    vectors = rng.normal(size=(num, dim)) + 1e-3
    vectors[:2] = [[-1.0] * dim, [1.0] * dim]
    positions = embedding_map(vectors).positions
    assert positions.shape == (num, 2)
    assert np.ptp(positions, axis=0).max() == pytest.approx(1)
    np.testing.assert_allclose((positions.min(0) + positions.max(0)) / 2, 0.5)


def test_vectors_that_are_all_alike_lie_in_the_middle() -> None:
    for num in (1, 2, 100):
        found = embedding_map(np.ones((num, 4), np.float32))
        assert found.method == "none"
        assert (found.positions == 0.5).all()


def test_what_has_no_map_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"at least one vector.*\(0, 4\)"):
        embedding_map(np.zeros((0, 4)))
    with pytest.raises(ConfigurationError, match="1 numbers that are not finite"):
        embedding_map(np.array([[1.0, np.nan]]))
