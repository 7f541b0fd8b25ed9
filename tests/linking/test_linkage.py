"""Average linkage on a sparse graph, against the dense one of scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage

from kinfolk.linking.linkage import average_linkage

MISSING = -10.0


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == name).tolist()) for name in np.unique(labels)}


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6), size=st.integers(2, 30), share=st.floats(0.1, 1), cut=st.sampled_from([-4.0, 0.0, 1.0])
)
def test_joins_are_those_of_the_dense_algorithm(seed: int, size: int, share: float, cut: float) -> None:
    draw = np.random.default_rng(seed)
    left, right = np.triu_indices(size, 1)
    weight = draw.normal(0, 3, len(left)).clip(MISSING, 10)
    there = draw.random(len(left)) < share
    merges = average_linkage(size, left[there], right[there], weight[there], missing=MISSING, stop=cut)
    dense = linkage(10 - np.where(there, weight, MISSING), "average")
    np.testing.assert_allclose(merges.height, (10 - dense[:, 2])[10 - dense[:, 2] >= cut])
    labels = merges.labels(size, len(merges.height))
    assert partition(labels) == partition(fcluster(dense, 10 - cut, "distance"))
    assert all(labels[np.flatnonzero(labels == name)[0]] == name for name in np.unique(labels))
    assert (labels <= np.arange(size)).all()


@pytest.mark.parametrize("seed", range(5))
def test_no_group_holds_a_source_twice(seed: int) -> None:
    draw = np.random.default_rng(seed)
    left, right = np.triu_indices(30, 1)
    source = draw.integers(-1, 4, 30)
    merges = average_linkage(
        30, left, right, draw.normal(1, 2, len(left)).clip(MISSING, 10), missing=MISSING, stop=-5.0, conflict=source
    )
    labels = merges.labels(30, len(merges.height))
    for name in np.unique(labels):
        held = source[(labels == name) & (source >= 0)]
        assert len(held) == len(set(held.tolist()))
    assert len(np.unique(labels)) < 30


def test_a_lucky_pair_does_not_chain_two_groups() -> None:
    left, right = np.array([0, 2, 1]), np.array([1, 3, 2])
    merges = average_linkage(4, left, right, np.array([5.0, 5.0, 4.0]), missing=MISSING, stop=0.0)
    assert merges.labels(4, len(merges.height)).tolist() == [0, 0, 2, 2]


def test_nothing_to_join() -> None:
    none = np.zeros(0, dtype=np.int64)
    merges = average_linkage(3, none, none, np.zeros(0), missing=MISSING, stop=0.0)
    assert merges.labels(3, 0).tolist() == [0, 1, 2]
