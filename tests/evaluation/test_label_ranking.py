import numpy as np
import pytest

from kinfolk.errors import DataError
from kinfolk.evaluation import average_precision, evaluate_labels


def test_a_value_known_by_hand() -> None:
    """Label 0 ranks its two texts first and third, label 1 its text second; label 2 belongs to none."""
    scores = [[0.9, 0.8, 0.1], [0.5, 0.7, 0.2], [0.4, 0.1, 0.3]]
    truth = [[1, 0, 0], [0, 1, 0], [1, 0, 0]]
    found = evaluate_labels(scores, truth, num_buckets=1)
    of_first, of_second = (1 + 2 / 3) / 2, 1 / 2
    assert found.macro == pytest.approx((of_first + of_second) / 2)
    assert found.micro == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    assert found.accuracy == 1.0
    assert found.buckets == pytest.approx((found.macro,))


def test_macro_is_the_mean_over_labels_and_order_does_not_matter(rng: np.random.Generator) -> None:
    scores, truth = rng.random((40, 6)), rng.random((40, 6)) < 0.3
    found = evaluate_labels(scores, truth)
    assert found.macro == pytest.approx(np.mean([average_precision(scores[:, c], truth[:, c]) for c in range(6)]))
    rows, columns = rng.permutation(40), rng.permutation(6)
    shuffled = evaluate_labels(scores[rows][:, columns], truth[rows][:, columns])
    assert (shuffled.macro, shuffled.micro, shuffled.accuracy) == pytest.approx(
        (found.macro, found.micro, found.accuracy)
    )


def test_a_frequent_label_is_a_bucket_and_rare_ones_share_another() -> None:
    """Eight texts of label 0, told apart at best; one text for each of eight others, told apart at worst."""
    truth = np.zeros((16, 9), bool)
    truth[:8, 0] = True
    truth[np.arange(8, 16), np.arange(1, 9)] = True
    scores = np.where(truth, -1.0, 1.0)
    scores[:, 0] *= -1
    found = evaluate_labels(scores, truth, num_buckets=2)
    assert found.buckets == pytest.approx((1.0, 1 / 16))
    assert len(evaluate_labels(scores, truth).buckets) == 4, "the label of half the mass fills the middle of the first"


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(DataError, match=r"Got \(2, 2\) and \(2, 1\)"):
        evaluate_labels(np.zeros((2, 2)), np.ones((2, 1)))
    with pytest.raises(DataError, match="needs a true pair"):
        evaluate_labels(np.zeros((2, 2)), np.zeros((2, 2)))
    with pytest.raises(DataError, match="num_buckets must be at least 1. Got 0"):
        evaluate_labels(np.zeros((2, 2)), np.ones((2, 2)), num_buckets=0)
