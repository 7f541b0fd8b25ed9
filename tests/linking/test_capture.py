"""The share of the matches that are candidates, from lists that found them."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import kinfolk
from kinfolk.data.persons import Errors, generate_persons
from kinfolk.linking import capture
from kinfolk.linking.candidates import Neighbors, union
from kinfolk.linking.capture import estimate_candidate_recall, nearest_of


def bits(*counts: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """So many certain matches for each set of lists."""
    nearest = np.repeat([np.uint64(lists) for _, lists in counts], [number for number, _ in counts])
    return nearest, np.ones(len(nearest))


def test_two_lists_give_the_estimate_of_chapman(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "_DEPENDENCE", 1.0)
    # 60 matches in list 0 of one search, 50 in list 2 of another, 40 of them in both: 61 * 51 / 41 - 1 in all.
    share = estimate_candidate_recall(*bits((20, 0b001), (10, 0b100), (40, 0b101)))
    assert share is not None
    assert share.value == pytest.approx(70 / (61 * 51 / 41 - 1))
    assert share.low < share.value < share.high == 1.0


def test_three_lists_equal_a_slow_sum_over_pairs_of_lists(rng: np.random.Generator) -> None:
    lists = [1, 4, 8]
    nearest = rng.choice([np.uint64(sum(s)) for n in range(4) for s in combinations(lists, n)], 500)
    probability = rng.random(500)
    alone = [probability[nearest == one].sum() for one in lists]
    twice = sum(probability[nearest == a + b].sum() for a, b in combinations(lists, 2))
    missed = sum(a * b for a, b in combinations(alone, 2)) / (twice + 1)
    found = probability[nearest > 0].sum()
    share = estimate_candidate_recall(nearest, probability)
    assert share is not None
    assert share.value == pytest.approx(found / (found + 3 * missed))


def test_independent_lists_are_estimated_without_bias(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "_DEPENDENCE", 1.0)
    shares = []
    for _ in range(50):
        caught = (rng.random((2_000, 2)) < [0.7, 0.6]).astype(np.uint64) @ np.array([1, 4], np.uint64)
        share = estimate_candidate_recall(caught, np.ones(2_000))
        assert share is not None
        shares.append(share.value)
    assert np.mean(shares) == pytest.approx(1 - 0.3 * 0.4, abs=0.003)


def test_one_search_says_nothing_and_neither_does_a_table_without_matches() -> None:
    assert estimate_candidate_recall(*bits((90, 0b11), (5, 0b01), (5, 0b10))) is None  # both directions of one search
    assert estimate_candidate_recall(np.zeros(0, np.uint64), np.zeros(0)) is None
    assert estimate_candidate_recall(np.array([5, 1], np.uint64), np.array([0.1, 0.2])) is None


def test_order_of_pairs_and_of_searches_does_not_count(rng: np.random.Generator) -> None:
    nearest = rng.integers(0, 16, 300).astype(np.uint64)
    probability = rng.random(300)
    share = estimate_candidate_recall(nearest, probability)
    order = rng.permutation(300)
    swapped = nearest[order] >> np.uint64(2) | (nearest[order] & np.uint64(3)) << np.uint64(2)
    again = estimate_candidate_recall(swapped, probability[order])
    assert share is not None
    assert again is not None
    assert again.value == pytest.approx(share.value)


def test_what_every_list_names_leaves_the_rule_of_three() -> None:
    share = estimate_candidate_recall(*bits((997, 0b1111)))
    assert share is not None
    assert (share.low, share.value, share.high) == (0.997, 1.0, 1.0)


def test_each_pair_knows_who_names_it() -> None:
    first = Neighbors(
        (np.array([0, 0, 1]), np.array([1, 0, 1]), np.array([0.9, 0.5, 0.4])),
        (np.array([0, 1, 1]), np.array([0, 0, 1]), np.array([0.5, 0.9, 0.4])),
    )
    second = Neighbors(
        (np.array([1]), np.array([0]), np.array([0.3])),
        (np.array([], int), np.array([], int), np.array([])),
    )
    lists = [first.pairs(2), second.pairs(2)]
    pairs = union([c.left for c in lists], [c.right for c in lists], 2)
    assert list(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    # 0-1 is nearest both ways in the first search, 0-0 for the right record, 1-1 for the left one, 1-0 in the second.
    assert nearest_of([first, second], pairs, 2).tolist() == [0b10, 0b11, 0b100, 0b01]
    assert nearest_of([second, first], pairs, 2).tolist() == [0b1000, 0b1100, 0b01, 0b0100]


def test_a_table_of_one_column_is_one_search_and_the_recall_is_that_among_the_candidates() -> None:
    persons = generate_persons(300, overlap=0.9, seed=5)
    names = [table.select(["id", "address"]) for table in (persons.left, persons.right)]
    assert kinfolk.link(*names).estimate.candidate_recall is None


@pytest.mark.parametrize("seed", [1, 2])
def test_the_interval_holds_the_truth_on_persons_with_many_errors(seed: int) -> None:
    errors = Errors(typo=0.5, missing=0.25, moved=0.4, married=0.2)
    columns = ["id", "given_name", "surname", "suburb", "date_of_birth"]
    persons = generate_persons(1_000, overlap=0.7, seed=seed, errors=errors)
    links = kinfolk.link(persons.left.select(columns), persons.right.select(columns))
    lefts, rights = (links.scores.column(side).to_numpy() for side in ("left", "right"))
    pairs = set(
        zip(
            links.left.ids.take(pa.array(lefts)).to_pylist(),
            links.right.ids.take(pa.array(rights)).to_pylist(),
            strict=True,
        )
    )
    true = list(zip(*(persons.truth[side].to_pylist() for side in ("left_id", "right_id")), strict=True))
    kept = sum(pair in pairs for pair in true) / len(true)
    share = links.estimate.candidate_recall
    assert share is not None
    assert kept < 0.97
    assert share.low <= kept <= share.high
    among = links.estimate.num_matches.value * share.value
    assert links.estimate.recall.value == pytest.approx(
        links.estimate.precision.value * len(links) / among * share.value
    )


def test_a_run_resumed_at_any_stage_gives_the_same_estimate(tmp_path: Path) -> None:
    persons = generate_persons(300, overlap=0.7, seed=3, errors=Errors(typo=0.4))
    estimate = kinfolk.link(persons.left, persons.right, run=tmp_path).estimate
    assert estimate.candidate_recall is not None
    assert kinfolk.load(tmp_path).estimate == estimate
    (tmp_path / "scores.parquet").unlink()
    assert kinfolk.link(persons.left, persons.right, run=tmp_path).estimate == estimate
