"""Similarity of texts against gold scores, and the two probes."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from kinfolk.errors import DataError
from kinfolk.evaluation import evaluate_similarity, length_bias, overlap_bias, spearman, surface_accuracy
from kinfolk.objectives import alignment, uniformity


def test_known_answer() -> None:
    """Three pairs on a circle, at right angles, opposite, and the same; the last means the same."""
    first = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])
    second = np.array([[0.0, 1.0], [0.0, -1.0], [1.0, 0.0]])
    metrics = evaluate_similarity(first, second, [2, 1, 5])
    assert metrics.spearman == pytest.approx(1)
    assert metrics.alignment == 0
    # Six unit vectors, three to the right, two up, one down: 4 pairs are equal, 2 opposite, 9 at right angles.
    assert metrics.uniformity == pytest.approx(math.log((4 + 2 * math.exp(-8) + 9 * math.exp(-4)) / 15))
    assert metrics.pairs == 3


def test_a_gold_score_at_the_bound_is_not_above_it() -> None:
    vectors = np.eye(2)
    assert evaluate_similarity(vectors, vectors, [4, 1]).alignment is None
    assert evaluate_similarity(vectors, vectors[::-1], [4.1, 1]).alignment == pytest.approx(2)


def test_agrees_with_the_objectives_and_with_scipy(rng: np.random.Generator) -> None:
    import torch

    first, second = rng.normal(size=(2, 700, 5))  # more vectors than are compared at a time
    gold = np.round(rng.random(700) * 5)
    metrics = evaluate_similarity(first, second, gold)
    same = gold > 4
    tensors = [torch.from_numpy(rows) for rows in (first, second)]
    assert metrics.alignment == pytest.approx(alignment(*(rows[same] for rows in tensors)).item())
    assert metrics.uniformity == pytest.approx(uniformity(torch.cat(tensors)).item())
    cosines = (first * second).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    assert metrics.spearman == pytest.approx(spearmanr(cosines, gold).statistic)


def test_rank_correlation_knows_order_only(rng: np.random.Generator) -> None:
    gold = rng.normal(size=50)
    assert spearman(np.exp(gold), gold) == pytest.approx(1)
    assert spearman(-(gold**3), gold) == pytest.approx(-1)
    assert spearman([1, 1, 2, 2], [1, 2, 3, 4]) == pytest.approx(spearmanr([1, 1, 2, 2], [1, 2, 3, 4]).statistic)


def test_an_encoder_that_has_collapsed_follows_nothing() -> None:
    assert spearman([0.3, 0.3, 0.3], [1, 2, 3]) == 0
    assert spearman([0.3, 0.3 + 1e-16, 0.3 + 2e-16], [1, 2, 3]) == 0  # but for rounding
    metrics = evaluate_similarity(np.ones((3, 2)), np.ones((3, 2)), [1, 2, 5])
    assert (metrics.spearman, metrics.uniformity) == (0, 0)


def test_length_bias_shows_what_lengths_take_off(rng: np.random.Generator) -> None:
    gold, first, second = rng.random(400) * 5, rng.integers(3, 30, 400), rng.integers(3, 30, 400)
    fair = 0.1 * gold + rng.normal(size=400) * 0.01
    assert abs(length_bias(fair, gold, (first, second))) < 0.15
    biased = fair - 0.02 * np.abs(first - second)
    assert length_bias(biased, gold, (first, second)) < -0.9
    # What the gold score explains is no bias, whatever the lengths.
    assert length_bias(0.1 * gold, gold, (first, second)) == 0
    assert length_bias(biased * 3 + 1, gold * 7, (second, first)) == pytest.approx(
        length_bias(biased, gold, (first, second))
    )


def test_surface_accuracy_counts_ties_as_failures() -> None:
    assert surface_accuracy([0.9, 0.5, 0.2, 0.7], [0.8, 0.5, 0.4, 0.1]) == 0.5


def test_says_what_is_wrong() -> None:
    with pytest.raises(DataError, match="Got 3 for all 2 pairs"):
        spearman([1, 2], [3, 3])
    with pytest.raises(DataError, match="one shape"):
        evaluate_similarity(np.ones((2, 3)), np.ones((2, 2)), [1, 2])
    with pytest.raises(DataError, match="Vectors must be finite"):
        evaluate_similarity(np.full((2, 3), np.nan), np.ones((2, 3)), [1, 2])
    with pytest.raises(DataError, match="Two numbers a pair"):
        surface_accuracy([1, 2], [1])
    with pytest.raises(DataError, match="must be finite"):
        spearman([1, math.nan], [1, 2])
    with pytest.raises(DataError, match="Got 3 for 2 pairs"):
        length_bias([1, 2], [1, 2], ([1, 2, 3], [1, 2, 3]))


def test_overlap_bias_shows_what_shared_words_add(rng: np.random.Generator) -> None:
    gold, overlap = rng.random((2, 400))
    assert overlap_bias(gold + 0.3 * overlap, gold, overlap) > 0.9
    assert overlap_bias(2 * gold + 1, gold, overlap) == 0
    assert overlap_bias(gold - 0.3 * overlap, gold, overlap) < -0.9
    with pytest.raises(DataError, match="for each pair. Got 3 for 400"):
        overlap_bias(gold, gold, [1, 2, 3])
