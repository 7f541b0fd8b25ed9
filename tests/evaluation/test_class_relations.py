"""Gates made by hand whose relations are known, and blocks that are found again after shuffling."""

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.class_relations import block_order, class_relations


def test_relations_of_gates_made_by_hand() -> None:
    own = np.array([[1.0, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1]])
    gates = own[:, None] * own[None]  # open where both classes are
    found = class_relations(gates)
    np.testing.assert_allclose(found.likeness, [[1, 1, -1], [1, 1, -1], [-1, -1, 1]])
    np.testing.assert_allclose(found.overlap, [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 0.5]])


def test_likeness_is_the_correlation_of_the_gates_of_each_class_with_itself(rng: np.random.Generator) -> None:
    gates = rng.random((6, 6, 20))
    gates = (gates + gates.swapaxes(0, 1)) / 2
    found = class_relations(row for row in gates)
    np.testing.assert_allclose(found.likeness, np.corrcoef(gates[np.arange(6), np.arange(6)]))
    np.testing.assert_allclose(found.overlap, gates.mean(2))
    np.testing.assert_allclose(found.overlap, found.overlap.T)


def test_a_gate_that_is_the_same_everywhere_is_like_no_other() -> None:
    found = class_relations(np.stack([np.full((2, 3), 0.5), np.array([[0.5, 0.5, 0.5], [0.1, 0.9, 0.2]])]))
    np.testing.assert_allclose(found.likeness, np.eye(2))


def test_shuffled_blocks_stand_together_again(rng: np.random.Generator) -> None:
    group = rng.permutation(np.repeat(np.arange(4), 5))
    likeness = np.where(group[:, None] == group[None], 0.9, 0.1)
    np.fill_diagonal(likeness, 1)
    ordered = group[block_order(likeness)]
    assert sorted(block_order(likeness).tolist()) == list(range(20))
    assert int((np.diff(ordered) != 0).sum()) == 3


def test_one_and_two_classes_keep_their_order() -> None:
    assert block_order(np.ones((1, 1))).tolist() == [0]
    assert block_order(np.array([[1.0, -0.2], [-0.2, 1.0]])).tolist() == [0, 1]


def test_gates_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"must be \(classes, dim\).*\(1, 3\) for class 1"):
        class_relations(np.zeros((2, 1, 3)))
    with pytest.raises(ConfigurationError, match="Each of 1 classes"):
        class_relations(np.zeros((1, 2, 3)))
    with pytest.raises(ConfigurationError, match="Each of 0 classes"):
        class_relations([])
