"""The minimum spanning tree, against scipy's."""

import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree

from kinfolk.linking import spanning_tree as module
from kinfolk.linking.spanning_tree import cosine_distances, spanning_tree


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("dim", [1, 2, 5, 17, 64])
def test_lengths_are_those_of_scipy(rng: np.random.Generator, dim: int) -> None:
    vectors = unit(rng.normal(size=(70, dim)))
    left, right = np.triu_indices(70, 1)
    dense = np.zeros((70, 70))
    dense[left, right] = cosine_distances(vectors, left, right) + 1  # no edge of length 0, which scipy would not see
    edges = spanning_tree(vectors)
    np.testing.assert_allclose(edges.distance, np.sort(minimum_spanning_tree(dense).data) - 1, atol=1e-12)
    np.testing.assert_array_equal(edges.distance, cosine_distances(vectors, edges.first, edges.second))
    assert (edges.first < edges.second).all()


def test_distances_are_one_minus_cosine_and_exact_where_it_matters(rng: np.random.Generator) -> None:
    vectors = unit(rng.normal(size=(40, 33)))
    vectors[1] = vectors[0]
    left, right = np.triu_indices(40, 1)
    distance = cosine_distances(vectors, left, right)
    wide = vectors.astype(float) / np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)
    np.testing.assert_allclose(distance, 1 - (wide[left] * wide[right]).sum(axis=1), atol=2e-7)
    assert distance[0] == 0
    np.testing.assert_array_equal(distance, cosine_distances(vectors, right, left))


def test_work_in_parts_changes_nothing_and_is_told(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = unit(rng.normal(size=(60, 8)))
    whole = spanning_tree(vectors)
    shares: list[float] = []
    monkeypatch.setattr(module, "_PRODUCTS", 2000)
    parts = spanning_tree(vectors, advance=shares.append)
    np.testing.assert_array_equal((parts.first, parts.second), (whole.first, whole.second))
    assert len(shares) > 5
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize("num", [0, 1])
def test_too_few_for_an_edge(num: int) -> None:
    assert spanning_tree(np.ones((num, 1), np.float32)).distance.size == 0
