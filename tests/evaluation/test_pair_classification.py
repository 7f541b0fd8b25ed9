"""Pairs told apart by a score."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from kinfolk.errors import DataError
from kinfolk.evaluation import average_precision, evaluate_pairs

VALIDATION = ([0.9, 0.6, 0.4], [1, 1, 0])  # the best cut is 0.6


def test_known_answer() -> None:
    metrics = evaluate_pairs([0.9, 0.7, 0.6, 0.5, 0.1], [1, 0, 1, 1, 0], validation=VALIDATION)
    assert metrics.threshold == 0.6
    assert (metrics.precision, metrics.recall, metrics.f1) == (2 / 3, 2 / 3, 2 / 3)
    assert metrics.average_precision == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)


def test_the_cut_knows_nothing_of_the_pairs_it_judges() -> None:
    metrics = evaluate_pairs([0.3, 0.2, 0.1], [1, 1, 0], validation=VALIDATION)
    assert (metrics.precision, metrics.recall, metrics.f1) == (0, 0, 0)
    assert metrics.average_precision == 1


def test_agrees_with_scikit_learn_also_with_ties(rng: np.random.Generator) -> None:
    labels = rng.random(300) < 0.3
    scores = np.round(labels + rng.normal(size=300), 1)
    assert average_precision(scores, labels) == pytest.approx(average_precision_score(labels, scores))
    metrics = evaluate_pairs(scores, labels, validation=(scores[:100], labels[:100]))
    assert metrics.f1 == pytest.approx(f1_score(labels, scores >= metrics.threshold))


def test_says_what_is_missing() -> None:
    with pytest.raises(DataError, match="none among those of validation"):
        evaluate_pairs([1.0], [1], validation=([1.0], [0]))
    with pytest.raises(DataError, match="needs a true pair. Got none among 2"):
        evaluate_pairs([1.0, 2.0], [0, 0], validation=VALIDATION)
    with pytest.raises(DataError, match="a score that is a number"):
        average_precision([np.nan], [1])
