"""The judge of all tools, on pairs few enough to judge by eye."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "judge.py"
SPEC = importlib.util.spec_from_file_location("judge", PATH)
judge = importlib.util.module_from_spec(SPEC)
sys.modules["judge"] = judge
SPEC.loader.exec_module(judge)

# a-1 beats a-2 and b-1; b-2 is then free; c has no true partner; d-4 is true and not among the candidates.
TRUTH = [("a", "1"), ("b", "2"), ("d", "4")]
PAIRS = judge.code_pairs(["a", "a", "b", "b", "c"], ["1", "2", "1", "2", "3"], [0.9, 0.8, 0.7, 0.6, 0.3], TRUTH)


def test_one_to_one_takes_the_best_and_blocks_its_rivals():
    assert judge.one_to_one(PAIRS).tolist() == [0, 3, 4]


def test_best_cut_keeps_both_true_links_and_drops_the_third():
    found = judge.best_cut(PAIRS)
    assert (found.precision, found.recall, found.threshold) == (1.0, pytest.approx(2 / 3), 0.6)
    assert found.f1 == pytest.approx(4 / 5)


def test_links_are_judged_as_given_or_after_assignment():
    chosen = PAIRS.score >= 0.5
    as_given = judge.at_cut(PAIRS, chosen, assign=False)
    assigned = judge.at_cut(PAIRS, chosen)
    assert (as_given.num_links, as_given.precision) == (4, 0.5)
    assert (assigned.num_links, assigned.precision) == (2, 1.0)


def test_a_cut_cannot_part_equal_scores():
    pairs = judge.code_pairs(["a", "b"], ["1", "9"], [0.5, 0.5], [("a", "1")])
    assert judge.best_cut(pairs).num_links == 2


def test_a_pair_given_twice_counts_once_with_its_higher_score():
    pairs = judge.code_pairs(["a", "a"], ["1", "1"], [0.2, 0.7], TRUTH)
    assert pairs.score.tolist() == [0.7]


def test_no_links_and_no_pairs():
    none = judge.code_pairs([], [], [], TRUTH)
    assert judge.best_cut(none).f1 == judge.at_cut(none, np.zeros(0, dtype=bool)).f1 == 0.0


def test_calibration_error_is_the_mean_gap_of_the_bins():
    probability = np.array([0.05, 0.05, 0.95, 0.95])
    correct = np.array([False, True, True, True])
    # Lower bin: |0.05 - 0.5| over half of the pairs; upper bin: |0.95 - 1| over the other half.
    assert judge.calibration_error(probability, correct) == pytest.approx(0.5 * 0.45 + 0.5 * 0.05)


def test_clusters_by_their_pairs():
    truth = {"a": "1", "b": "1", "c": "1", "d": "2", "e": "2"}  # 3 + 1 true pairs
    predicted = {"a": "x", "b": "x", "c": "y", "d": "y"}  # a-b right, c-d wrong, e left out
    found = judge.judge_clusters(predicted, truth)
    assert (found.precision, found.recall, found.num_links) == (0.5, 0.25, 2)
