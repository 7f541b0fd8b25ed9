"""Known votes, and equality with a loop."""

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.knn import knn_accuracy
from kinfolk.evaluation.spread import effective_rank


def at(*degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def test_each_vector_is_left_out_of_its_own_vote() -> None:
    labels = np.array([0, 0, 1, 1])
    assert knn_accuracy(at(0, 10, 90, 100), labels, k=1) == 1.0
    assert knn_accuracy(at(0, 10, 11, 100), np.array([0, 1, 0, 1]), k=1) == 0.0  # with itself it would be 1


def test_one_near_neighbor_outvotes_two_far_ones() -> None:
    train, labels = at(0, 60, 62), np.array([0, 1, 1])
    assert knn_accuracy(at(5), np.array([0]), train_vectors=train, train_labels=labels, k=3) == 1.0
    flat = knn_accuracy(at(5), np.array([0]), train_vectors=train, train_labels=labels, k=3, temperature=100.0)
    assert flat == 0.0


def test_equals_a_loop(rng: np.random.Generator) -> None:
    vectors, labels = rng.normal(size=(60, 5)), rng.integers(0, 3, 60)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    right = 0
    for i in range(60):
        cosines = [(unit[i] @ unit[j], j) for j in range(60) if j != i]
        votes = np.zeros(3)
        for cosine, j in sorted(cosines, reverse=True)[:7]:
            votes[labels[j]] += np.exp(cosine / 0.07)
        right += votes.argmax() == labels[i]
    assert knn_accuracy(vectors, labels, k=7) == pytest.approx(right / 60)


def test_impossible_probes_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="others to vote"):
        knn_accuracy(at(0), np.array([0]))
    with pytest.raises(ConfigurationError, match="k must be at least 1"):
        knn_accuracy(at(0, 1), np.array([0, 1]), k=0)


def test_effective_rank_counts_directions() -> None:
    assert effective_rank(np.ones((5, 3))) == pytest.approx(1.0)
    assert effective_rank(np.eye(4)) == pytest.approx(4.0)
    assert effective_rank(np.zeros((3, 2))) == 1.0
    assert effective_rank(np.eye(4) * np.arange(1, 5)[:, None]) == pytest.approx(4.0), "length does not matter"
    with pytest.raises(ConfigurationError, match="at least one"):
        effective_rank(np.zeros((0, 3)))


def test_no_temperature_is_too_low_for_the_votes() -> None:
    train, labels = at(5, 6, 60), np.array([0, 1, 1])
    for temperature in (1e-9, 1e-4):
        right = knn_accuracy(
            at(0), np.array([0]), train_vectors=train, train_labels=labels, k=3, temperature=temperature
        )
        assert right == 1.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vectors": np.zeros((0, 2)), "labels": np.zeros(0, int)}, "Got 0 vectors"),
        ({"train_labels": None}, "given together"),
        ({"train_vectors": np.zeros((3, 5))}, "of one dim"),
        ({"vectors": np.zeros(2)}, "of one dim"),
        ({"vectors": np.full((2, 2), np.nan)}, "must be finite"),
        ({"train_vectors": np.full((3, 2), np.inf)}, "must be finite"),
        ({"temperature": 0}, "temperature in"),
    ],
)
def test_what_the_probe_cannot_compare_is_said(change: dict, said: str) -> None:
    given = {
        "vectors": at(0, 1),
        "labels": np.array([0, 1]),
        "train_vectors": at(0, 1, 2),
        "train_labels": np.array([0, 1, 1]),
    }
    with pytest.raises(ConfigurationError, match=said):
        knn_accuracy(**{**given, **change})


def test_effective_rank_of_what_is_not_finite_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="must be finite"):
        effective_rank(np.array([[1.0, np.nan]]))
