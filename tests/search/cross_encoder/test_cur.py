"""The approximation of a score matrix from some of its rows and columns."""

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.cross_encoder.adaptive import adaptive_rounds
from kinfolk.search.cross_encoder.cur import (
    anchor_inverse,
    best_rows,
    item_embeddings,
    recall_of_best,
    relative_error,
    rerank,
)


def low_rank(rng: np.random.Generator, queries: int, items: int, rank: int = 4) -> np.ndarray:
    return rng.normal(size=(queries, rank)) @ rng.normal(size=(rank, items))


def test_a_matrix_of_low_rank_is_recovered_from_as_many_rows_and_columns(rng):
    """Four anchor queries and four anchor items know all of a matrix of rank 4."""
    scores = low_rank(rng, 30, 50)
    embeddings = item_embeddings(scores[:4], [3, 17, 20, 41])
    np.testing.assert_allclose(scores[:, [3, 17, 20, 41]] @ embeddings, scores, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("anchors", [np.arange(50), [1, 1, 5, 9, 9, 20, 33]])
def test_dependent_and_repeated_anchors_do_no_harm(rng, anchors):
    scores = low_rank(rng, 30, 50)
    approximate = scores[:, anchors] @ item_embeddings(scores[:10], anchors)
    assert relative_error(scores, approximate) < 1e-10


def test_a_repeated_anchor_shares_its_weight(rng):
    scores = rng.normal(size=(12, 9))
    once, twice = anchor_inverse(scores, [2, 5]), anchor_inverse(scores, [2, 5, 2])
    np.testing.assert_allclose(twice[0], once[0] / 2)
    np.testing.assert_allclose(twice[2], once[0] / 2)


def test_a_constant_scorer_is_of_rank_one():
    scores = np.full((5, 7), 2.5)
    np.testing.assert_allclose(scores[:, [0, 3]] @ item_embeddings(scores[:2], [0, 3]), scores)


def test_a_scorer_that_says_zero_is_no_error():
    assert not item_embeddings(np.zeros((3, 4)), [0, 1]).any()


@pytest.mark.parametrize("shape", [(6, 4), (4, 6)])
@pytest.mark.parametrize("ridge", [0.3, 0.9e-3])
def test_ridge_damps_singular_values(rng, shape, ridge):
    scores = rng.normal(size=shape)
    left, singular, right = np.linalg.svd(scores, full_matrices=False)
    damped = 1 / (singular + (ridge * np.linalg.norm(scores)) ** 2 / singular)
    np.testing.assert_allclose(anchor_inverse(scores, range(shape[1]), ridge=ridge), (right.T * damped) @ left.T)


def test_ridge_takes_what_is_zero_or_repeated(rng):
    assert not anchor_inverse(np.zeros((3, 4)), [0, 1], ridge=0.1).any()
    assert np.isfinite(anchor_inverse(rng.normal(size=(3, 4)), [1, 1, 1, 2, 2], ridge=0.1)).all()


def test_a_tiny_ridge_is_none(rng):
    scores = rng.normal(size=(6, 4))
    np.testing.assert_allclose(anchor_inverse(scores, range(4), ridge=1e-9), anchor_inverse(scores, range(4)))


def test_of_equal_scores_the_earlier_place_comes_first():
    assert best_rows([[1.0, 3.0, 3.0, 2.0]], 3).tolist() == [[1, 2, 3]]


def test_more_retrieved_than_there_are_is_exact(rng):
    exact, noise = rng.normal(size=(3, 8)), rng.normal(size=(3, 8))
    np.testing.assert_array_equal(rerank(noise, exact, k=2, num_retrieved=100), best_rows(exact, 2))
    assert recall_of_best(exact, best_rows(exact, 3), k=4).tolist() == [0.75] * 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"rcond": 1.0}, "rcond must be in"), ({"ridge": -0.1}, "ridge must be finite, and at least 0")],
)
def test_impossible_damping_is_said(settings, said):
    with pytest.raises(ConfigurationError, match=said):
        anchor_inverse(np.eye(3), [0], **settings)


def test_what_is_no_matrix_of_numbers_is_said():
    with pytest.raises(DataError, match="matrix of finite numbers"):
        anchor_inverse([[1.0, np.nan]], [0])
    with pytest.raises(DataError, match="columns of the 3 items"):
        anchor_inverse(np.eye(3), [3])


# --- rounds ---


def reference_rounds(anchor_scores, exact, first, steps):
    """One query at a time, as the method is described."""
    chosen = []
    for row in exact:
        anchors = list(first)
        for step in steps:
            approximate = row[anchors] @ np.linalg.pinv(anchor_scores[:, anchors], rcond=1e-10) @ anchor_scores
            approximate[anchors] = -np.inf
            anchors += sorted(range(len(row)), key=lambda item: -approximate[item])[:step]
        chosen.append(anchors)
    return np.array(chosen)


def test_rounds_are_those_of_a_plain_loop(rng):
    scores = low_rank(rng, 40, 60, 12) + 0.1 * rng.normal(size=(40, 60))
    exact = scores[30:]
    first = np.tile([5, 6, 7, 8], (10, 1))
    found = adaptive_rounds(scores[:30], lambda q, i: exact[q, i], first, steps=[3, 4, 5])
    np.testing.assert_array_equal(found.anchors, reference_rounds(scores[:30], exact, [5, 6, 7, 8], [3, 4, 5]))
    np.testing.assert_array_equal(found.scores, np.take_along_axis(exact, found.anchors, axis=1))


def test_the_best_item_of_a_low_rank_matrix_is_found_at_once(rng):
    scores = low_rank(rng, 20, 200)
    exact = scores[10:]
    found = adaptive_rounds(scores[:10], lambda q, i: exact[q, i], np.tile(np.arange(4), (10, 1)), steps=[1])
    best = np.where(exact.argmax(axis=1) < 4, found.anchors[:, -1], exact.argmax(axis=1))  # an anchor may be the best
    np.testing.assert_array_equal(found.anchors[:, -1], best)


def test_softmax_draws_in_proportion():
    """Of items with scores 0, log 2 and log 4 beside an anchor, 1/7, 2/7 and 4/7 of the draws take each."""
    row = np.array([1.0, 0.0, np.log(2), np.log(4)])
    num = 7000
    exact = np.tile(row, (num, 1))
    found = adaptive_rounds(
        row[None], lambda q, i: exact[q, i], np.zeros((num, 1), int), steps=[1], strategy="softmax", seeds=range(num)
    )
    shares = np.bincount(found.anchors[:, 1], minlength=4) / num
    np.testing.assert_allclose(shares, [0, 1 / 7, 2 / 7, 4 / 7], atol=0.02)


def test_a_query_does_not_depend_on_those_beside_it(rng):
    scores = rng.normal(size=(30, 40))
    first = np.tile(np.arange(5), (10, 1))
    settings = {"steps": [5, 5], "strategy": "softmax"}
    together = adaptive_rounds(scores[:20], lambda q, i: scores[20 + q, i], first, seeds=range(10), **settings)
    alone = adaptive_rounds(scores[:20], lambda q, i: scores[27 + q, i], first[:1], seeds=[7], **settings)
    np.testing.assert_array_equal(alone.anchors[0], together.anchors[7])


@pytest.mark.parametrize(
    ("first", "steps", "said"), [([[0, 0]], [1], "no item twice"), ([[0, 1]], [2], "There are 3 items to score")]
)
def test_rounds_that_cannot_be_are_said(first, steps, said):
    with pytest.raises(DataError, match=said):
        adaptive_rounds(np.ones((2, 3)), lambda q, _: np.ones(len(q)), first, steps=steps)
