"""Agglomerative trees: against scipy, and against connected components."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import DBSCAN

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.linking import tree as module
from kinfolk.linking.spanning_tree import cosine_distances
from kinfolk.linking.tree import linkage_tree


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == name).tolist()) for name in np.unique(labels)}


def components(vectors: np.ndarray, cut: float) -> np.ndarray:
    left, right = np.triu_indices(len(vectors), 1)
    near = cosine_distances(vectors, left, right) <= cut
    graph = sp.coo_matrix((np.ones(near.sum()), (left[near], right[near])), shape=(len(vectors),) * 2)
    return np.asarray(connected_components(graph, directed=False)[1])


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), num=st.integers(1, 40), dim=st.integers(1, 9), repeats=st.integers(0, 10))
def test_single_linkage_is_the_components_of_the_pairs_within_the_cut(
    seed: int, num: int, dim: int, repeats: int
) -> None:
    draw = np.random.default_rng(seed)
    vectors = unit(draw.normal(size=(num, dim)))
    vectors = vectors[np.append(np.arange(num), draw.integers(0, num, repeats))]
    tree = linkage_tree(vectors)
    assert len(tree.distance) == len(vectors) - 1
    # Cuts exactly at distances of pairs are where one bit would matter.
    pairs = draw.integers(0, len(vectors), (2, 12))
    for cut in [0.0, 0.3, *cosine_distances(vectors, *pairs), 2.1]:
        labels = tree.labels(cut)
        assert partition(labels) == partition(components(vectors, cut))
        assert all(labels[row] == np.flatnonzero(labels == labels[row])[0] for row in range(len(vectors)))


@pytest.mark.parametrize("method", ["single", "average"])
def test_equals_scipy(rng: np.random.Generator, method: str) -> None:
    vectors = unit(rng.normal(size=(150, 12)))
    dense = linkage(vectors.astype(float), method, metric="cosine")
    tree = linkage_tree(vectors, linkage=method)
    np.testing.assert_allclose(tree.distance, dense[:, 2], atol=1e-6)
    for cut in np.linspace(0.01, 1.2, 25):
        assert partition(tree.labels(cut)) == partition(fcluster(dense, cut, "distance"))


def test_equals_dbscan_with_one_point_a_core(rng: np.random.Generator) -> None:
    vectors = unit(rng.normal(size=(80, 6)))
    for cut in (0.05, 0.15, 0.3):
        dbscan = DBSCAN(eps=cut, min_samples=1, metric="cosine").fit_predict(vectors)
        assert partition(linkage_tree(vectors).labels(cut)) == partition(dbscan)


def test_average_linkage_of_the_neighbors(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    # Above the limit, pairs that are no neighbors count as unrelated: the same as scipy on distances filled in like that.
    vectors = unit(rng.normal(size=(90, 5)))
    monkeypatch.setattr(module, "_ALL_PAIRS", 10)
    monkeypatch.setattr(module, "_NEIGHBORS", 6)
    tree = linkage_tree(vectors, linkage="average")
    similarity = vectors.astype(float) @ vectors.T.astype(float)
    np.fill_diagonal(similarity, -2)
    near = np.zeros_like(similarity, dtype=bool)
    np.put_along_axis(near, np.argsort(-similarity, axis=1)[:, :6], True, axis=1)
    filled = np.where(near | near.T, 1 - similarity.clip(min=0), 1)[np.triu_indices(90, 1)]
    dense = linkage(filled, "average")
    np.testing.assert_allclose(tree.distance, dense[:, 2], atol=1e-6)
    for cut in np.linspace(0.05, 0.98, 20):
        assert partition(tree.labels(cut)) == partition(fcluster(dense, cut, "distance"))
    assert (tree.labels(1.0) == 0).all()


def test_equal_records_are_at_no_distance_from_neighbors_either(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ALL_PAIRS", 10)
    vectors = np.repeat(unit(rng.normal(size=(30, 17))), 2, axis=0)
    labels = linkage_tree(vectors, linkage="average").labels(0.0)
    np.testing.assert_array_equal(labels, np.arange(60) // 2 * 2)


@pytest.mark.parametrize("method", ["single", "average"])
def test_the_order_of_records_changes_no_group(rng: np.random.Generator, method: str) -> None:
    vectors, order = unit(rng.normal(size=(60, 4))), rng.permutation(60)
    tree, shuffled = linkage_tree(vectors, linkage=method), linkage_tree(vectors[order], linkage=method)
    np.testing.assert_allclose(shuffled.distance, tree.distance, atol=1e-12)
    back = np.argsort(order)
    for cut in (0.02, 0.1, 0.4):
        assert partition(shuffled.labels(cut)[back]) == partition(tree.labels(cut))


@pytest.mark.parametrize("method", ["single", "average"])
def test_records_of_which_nothing_is_known_stay_alone(method: str) -> None:
    vectors = np.float32([[0, 0], [1, 0], [0, 0], [0, 1], [1, 0]])
    tree = linkage_tree(vectors, linkage=method)
    assert tree.labels(0.0).tolist() == [0, 1, 2, 3, 1]
    assert tree.labels(2.0).tolist() == [0, 1, 2, 1, 1]


@pytest.mark.parametrize("method", ["single", "average"])
def test_few_records_and_equal_ones(method: str) -> None:
    for num in (0, 1, 2, 5):
        tree = linkage_tree(np.tile(np.float32([0.6, 0.8]), (num, 1)), linkage=method)
        assert tree.distance.tolist() == [0.0] * max(num - 1, 0)
        assert tree.labels(0.0).tolist() == [0] * num


def test_errors() -> None:
    with pytest.raises(ConfigurationError, match="linkage must be single or average. Got 'ward'"):
        linkage_tree(np.eye(2), linkage="ward")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="vectors must hold unit vectors"):
        linkage_tree(2 * np.eye(2))
    for cut in (-0.1, float("nan")):
        with pytest.raises(ConfigurationError, match="cut must be a cosine distance"):
            linkage_tree(np.eye(2)).labels(cut)
