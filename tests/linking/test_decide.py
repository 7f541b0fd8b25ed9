"""Which pairs become links, against a search through all choices."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from kinfolk.linking.assignment import best_assignment
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.decide import LOST, decide, unlinked
from kinfolk.linking.rivals import Contest


def best_sum(left: np.ndarray, right: np.ndarray, gain: np.ndarray) -> float:
    """The largest sum of gains of pairs that share no record, by trying every set of pairs."""
    worth = np.flatnonzero(gain > 0).tolist()
    best = 0.0
    for size in range(1, len(worth) + 1):
        for chosen in combinations(worth, size):
            some = list(chosen)
            if len(set(left[some])) == len(set(right[some])) == size:
                best = max(best, float(gain[some].sum()))
    return best


def random_graph(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int, int]:
    num_left, num_right = rng.integers(1, 6, 2).tolist()
    left, right = np.nonzero(rng.random((num_left, num_right)) < rng.uniform(0.2, 0.7))
    return left[:11], right[:11], num_left, num_right


@pytest.mark.parametrize("tied", [False, True])
def test_the_assignment_is_the_best_of_all(rng: np.random.Generator, tied: bool) -> None:
    for _ in range(150):
        left, right, num_left, num_right = random_graph(rng)
        gain = rng.integers(-1, 4, len(left)).astype(float) if tied else rng.normal(0.4, 0.5, len(left))
        chosen = best_assignment(left, right, gain, num_left, num_right)
        assert len(set(left[chosen])) == len(set(right[chosen])) == chosen.sum()
        assert (gain[chosen] > 0).all()
        assert gain[chosen].sum() == pytest.approx(best_sum(left, right, gain))


def test_a_long_chain_of_exchanges_is_found() -> None:
    """Record i wants i, and i - 1 a little less; one newcomer at the end moves all of a thousand."""
    left = np.concatenate([np.arange(1, 1000), np.arange(1, 1000), [1000]])
    right = np.concatenate([np.arange(999), np.arange(1, 1000), [999]])
    gain = np.concatenate([np.full(999, 0.5999), np.full(999, 0.6), [0.7]])
    chosen = best_assignment(left, right, gain, 1001, 1000)
    assert chosen.sum() == 1000
    assert gain[chosen].sum() == pytest.approx(999 * 0.5999 + 0.7)


def test_two_links_are_worth_more_than_one_that_is_a_little_better() -> None:
    contest = Contest(Candidates(np.array([0, 0, 1], np.int32), np.array([0, 1, 0], np.int32)), 2, 2)
    assert decide(np.array([0.9, 0.8, 0.7]), contest, 0.5).link.tolist() == [False, True, True]
    assert decide(np.array([0.9, 0.6, 0.6]), contest, 0.5).link.tolist() == [True, False, False]
    assert decide(np.array([0.999, 0.9, 0.9]), contest, 0.5).link.tolist() == [True, False, False]  # as if judged


def test_a_pair_at_the_cut_is_a_link() -> None:
    contest = Contest(Candidates(np.array([0, 1], np.int32), np.array([0, 1], np.int32)), 2, 2)
    assert decide(np.array([0.5, 0.25]), contest, 0.25).link.all()
    assert decide(np.array([0.0, 0.0]), contest, 0.0).link.all()


def test_who_lost_has_a_rival_linked_by_a_pair_at_least_as_probable(rng: np.random.Generator) -> None:
    for _ in range(50):
        left, right, num_left, num_right = random_graph(rng)
        contest = Contest(Candidates(left.astype(np.int32), right.astype(np.int32)), num_left, num_right)
        probability = rng.random(len(left))
        decision = decide(probability, contest, 0.3)
        of_link = {("left", a): p for a, p in zip(left[decision.link], probability[decision.link], strict=True)}
        of_link |= {("right", b): p for b, p in zip(right[decision.link], probability[decision.link], strict=True)}
        alone = unlinked(probability, decision, contest).to_pylist()
        assert len(alone) + 2 * decision.link.sum() == num_left + num_right
        for row in alone:
            assert (row["reason"] == LOST) == (row["probability"] is not None and row["probability"] >= 0.3)
            if row["reason"] == LOST:
                assert of_link[row["side"], row["winner"]] >= row["probability"]
