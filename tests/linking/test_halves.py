"""Two encoders that learned from labels, and which of them sees a pair."""

import numpy as np
import pytest

from kinfolk.linking.halves import LEAST, NEITHER, HalvedVectors, halves_of
from kinfolk.linking.meaning import Vectors

ROWS = 12


@pytest.fixture
def sides() -> tuple[Vectors, Vectors]:
    rng = np.random.default_rng(3)

    def units() -> np.ndarray:
        drawn = rng.normal(size=(ROWS, 5))
        drawn[4] = 0  # a record that says nothing
        return (drawn / np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), 1e-9)).astype(np.float32)

    return Vectors(units(), units()), Vectors(units(), units())


def test_a_pair_is_seen_by_the_encoder_that_did_not_learn_from_it_and_by_both_else(sides):
    first, second = sides
    half_left, half_right = (np.random.default_rng(seed).integers(-1, 2, ROWS).astype(np.int8) for seed in (0, 1))
    vectors = HalvedVectors.of(first, second, half_left, half_right)
    left, right = (at.ravel() for at in np.meshgrid(np.arange(ROWS), np.arange(ROWS), indexing="ij"))
    found = vectors.cosines(left, right)
    for a, b, cosine in zip(left, right, found, strict=True):
        if 4 in (a, b):
            assert np.isnan(cosine)
            continue
        learned = {half_left[a], half_right[b]} - {NEITHER}
        both = [float(side.left[a] @ side.right[b]) for side in (first, second)]
        assert cosine == pytest.approx(both[1 - learned.pop()] if len(learned) == 1 else np.mean(both), abs=1e-6)


def test_without_labels_both_see_every_pair_and_the_vectors_are_of_length_one(sides):
    neither = np.full(ROWS, NEITHER, np.int8)
    vectors = HalvedVectors.of(*sides, neither, neither)
    lengths = np.linalg.norm(vectors.left, axis=1)
    assert lengths[4] == 0
    assert np.delete(lengths, 4) == pytest.approx(np.ones(ROWS - 1), abs=1e-6)
    rows = np.arange(ROWS)
    means = (sides[0].cosines(rows, rows[::-1]) + sides[1].cosines(rows, rows[::-1])) / 2
    np.testing.assert_allclose(vectors.cosines(rows, rows[::-1]), means, atol=1e-6)


def test_taking_rows_takes_what_was_learned_from_them(sides):
    halves = np.random.default_rng(2).integers(-1, 2, ROWS).astype(np.int8)
    vectors = HalvedVectors.of(
        Vectors(sides[0].left, sides[0].left), Vectors(sides[1].left, sides[1].left), halves, halves
    )
    order = np.random.default_rng(4).permutation(ROWS)
    a, b = np.array([0, 1, 2, 3]), np.array([5, 6, 7, 8])
    np.testing.assert_array_equal(vectors.take(order).cosines(a, b), vectors.cosines(order[a], order[b]))


def test_a_thing_lies_in_one_half_and_a_lone_record_in_none():
    same = np.stack([np.arange(LEAST), np.arange(LEAST) + 100], axis=1)
    chain = [[0, 300], [300, 301]]
    things, halves = halves_of(np.concatenate([same, chain]), 400, seed=0)
    assert len({things[row] for row in (0, 100, 300, 301)}) == 1
    assert len({halves[row] for row in (0, 100, 300, 301)}) == 1
    np.testing.assert_array_equal(halves[:LEAST], halves[100 : 100 + LEAST])
    assert np.bincount(halves[:LEAST]).tolist() == [LEAST // 2, LEAST // 2]
    assert set(halves[350:]) == {NEITHER}
    assert halves_of(same[1:], 400, seed=0) is None
    assert halves_of(np.zeros((0, 2), np.int64), 400, seed=0) is None
