"""Pairs out of tables: known answers, slow references, and that order and seed alone decide."""

import itertools
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from kinfolk.data.pairs import (
    PairRows,
    pairs_near_in_time,
    pairs_of_clusters,
    pairs_of_co_occurrence,
    pairs_of_fields,
    pairs_of_groups,
    pairs_of_ids,
    texts_of_pairs,
)
from kinfolk.data.readers import read_records
from kinfolk.errors import ConfigurationError, DataError


def listed(pairs: PairRows) -> list[tuple[int, int]]:
    return list(zip(pairs.anchors.tolist(), pairs.positives.tolist(), strict=True))


def test_two_fields_of_one_record_where_both_say_something() -> None:
    records = read_records({"title": ["one", "", "three", "four"], "abstract": ["eins", "zwei", "three", "vier"]})
    pairs = pairs_of_fields(records, "title", "abstract")
    assert listed(pairs) == [(0, 0), (3, 3)]
    texts = texts_of_pairs(pairs, records.texts("title"), records.texts("abstract"))
    assert texts.columns == (("one", "four"), ("eins", "vier"))


class TestGroups:
    def test_a_group_of_two_and_rows_without(self) -> None:
        assert listed(pairs_of_groups(["x", None, "y", "x", "", "z"])) == [(0, 3), (3, 0)]

    def test_each_row_is_as_often_a_positive_as_an_anchor_and_within_its_group(self, rng) -> None:
        groups = rng.integers(0, 9, 200).tolist()
        pairs = pairs_of_groups(groups, per_anchor=3)
        found = listed(pairs)
        assert len(set(found)) == len(found) == 600
        assert all(groups[a] == groups[p] and a != p for a, p in found)
        assert Counter(pairs.anchors.tolist()) == Counter(pairs.positives.tolist()) == dict.fromkeys(range(200), 3)

    def test_a_small_group_gives_all_its_pairs(self) -> None:
        assert listed(pairs_of_groups([7, 7, 7], per_anchor=5)) == list(itertools.permutations(range(3), 2))

    def test_names_do_not_matter_and_the_seed_does(self, rng) -> None:
        groups = rng.integers(0, 4, 80).tolist()
        named = pairs_of_groups([f"group {g}" for g in groups], seed=3)
        assert listed(named) == listed(pairs_of_groups(groups, seed=3))
        assert listed(named) != listed(pairs_of_groups(groups, seed=4))

    def test_clusters_by_the_ids_of_records(self) -> None:
        records = read_records({"id": ["a", "b", "c", "d"], "name": ["w", "x", "y", "z"]}).with_roles({"id": "id"})
        clusters = pa.table({"id": ["d", "a", "c", "elsewhere"], "cluster_id": [5, 5, 6, 6]})
        assert listed(pairs_of_clusters(records, clusters)) == [(0, 3), (3, 0)]
        with pytest.raises(ConfigurationError, match="cluster_id"):
            pairs_of_clusters(records, clusters.select(["id"]))

    def test_no_groups_no_pairs(self) -> None:
        assert listed(pairs_of_groups(["a", "b", None])) == listed(pairs_of_groups([])) == []


class TestTime:
    def test_the_next_ones_within_the_time(self) -> None:
        days = [10.0, 1.0, 12.0, float("nan"), 30.0, 10.0]
        assert listed(pairs_near_in_time(days, within=5)) == [(0, 5), (5, 2)]
        assert listed(pairs_near_in_time(days, within=5, per_anchor=2)) == [(0, 5), (0, 2), (5, 2)]
        assert listed(pairs_near_in_time(days, within=0)) == [(0, 5)]
        assert listed(pairs_near_in_time(days, within=5, groups=["p", "p", "p", "p", "p", "q"])) == [(0, 2)]
        assert listed(pairs_near_in_time([], within=1)) == []

    def test_equals_a_slow_reference(self, rng) -> None:
        days, senders = rng.integers(0, 60, 50).astype(float), rng.integers(0, 4, 50).tolist()
        slow = []
        for row in range(50):
            later = [
                other
                for other in range(50)
                if senders[other] == senders[row] and (days[other], other) > (days[row], row)
            ]
            later.sort(key=lambda other: (days[other], other))
            slow += [(row, other) for other in later[:2] if days[other] - days[row] <= 7]
        found = listed(pairs_near_in_time(days, within=7, per_anchor=2, groups=senders))
        assert sorted(found) == sorted(slow)


class TestCoOccurrence:
    def test_equals_a_slow_reference(self, rng) -> None:
        items, contexts = rng.integers(0, 22, 120).tolist(), rng.integers(0, 30, 120).tolist()
        of = {c: {i for i, d in zip(items, contexts, strict=True) if d == c} for c in set(contexts)}
        counts = Counter(
            pair for named in of.values() for pair in itertools.permutations(sorted(named & set(range(20))), 2)
        )
        found = listed(pairs_of_co_occurrence(range(20), items, contexts, least=2, per_anchor=99))
        assert found == sorted(pair for pair, count in counts.items() if count >= 2)
        some = pairs_of_co_occurrence(range(20), items, contexts, per_anchor=1)
        assert len(set(some.anchors.tolist())) == len(some)
        for anchor, positive in listed(some):
            assert counts[anchor, positive] == max(counts[anchor, other] for other in range(20))

    def test_a_context_that_names_too_much_is_passed_over(self) -> None:
        items, contexts = ["a", "b", "c", "a", "b", "a"], ["x", "x", "x", "y", "y", "y"]
        assert listed(pairs_of_co_occurrence("abc", items, contexts, largest=2)) == [(0, 1), (1, 0)]
        assert len(pairs_of_co_occurrence("abc", items, contexts, largest=3)) == 6

    def test_blocks_of_rows_give_what_one_block_gives(self, rng, monkeypatch) -> None:
        items, contexts = rng.integers(0, 40, 400).tolist(), rng.integers(0, 60, 400).tolist()
        whole = listed(pairs_of_co_occurrence(range(40), items, contexts, per_anchor=50))
        monkeypatch.setattr("kinfolk.data.pairs.co_occurrence._AT_ONCE", 100)
        assert listed(pairs_of_co_occurrence(range(40), items, contexts, per_anchor=50)) == whole


class TestGiven:
    def test_each_pair_once_and_none_with_itself(self) -> None:
        left, right = ["a", "b", "a", "c"], ["b", "a", "b", "c"]
        assert listed(pairs_of_ids(left, right, left_ids="abc")) == [(0, 1), (1, 0)]
        assert listed(pairs_of_ids(left, right, left_ids="abc", right_ids="cba")) == [(0, 1), (1, 2), (2, 0)]

    def test_the_order_of_pairs_does_not_change_which_are_kept(self, rng) -> None:
        left, right = rng.integers(0, 10, 90), rng.integers(0, 30, 90)
        kept = pairs_of_ids(left.tolist(), right.tolist(), left_ids=range(10), right_ids=range(30), per_anchor=2)
        order = rng.permutation(90)
        again = pairs_of_ids(
            left[order].tolist(), right[order].tolist(), left_ids=range(10), right_ids=range(30), per_anchor=2
        )
        assert listed(kept) == listed(again)
        assert max(Counter(kept.anchors.tolist()).values()) == 2

    def test_an_id_that_no_row_has(self) -> None:
        with pytest.raises(DataError, match="Pair 2 names 'z' on the right"):
            pairs_of_ids(["a", "a"], ["b", "z"], left_ids="ab")


def test_texts_of_pairs_carry_their_groups_and_need_both_sides() -> None:
    names, labels = ["one", "two", " ", "four"], ["x", "y", "x", None]
    texts = texts_of_pairs(PairRows(np.array([0, 0, 1, 3]), np.array([1, 2, 3, 0])), names, groups=labels)
    assert texts.columns == (("one", "two", "four"), ("two", "four", "one"))
    assert texts.groups.tolist() == [0, 1, -1]
    with pytest.raises(DataError, match="None of the 1 pairs has both"):
        texts_of_pairs(PairRows(np.array([0]), np.array([2])), names)


def test_impossible_numbers_are_refused() -> None:
    for make in (
        lambda: pairs_of_groups(["a"], per_anchor=0),
        lambda: pairs_near_in_time([1.0], within=1, per_anchor=0),
        lambda: pairs_of_co_occurrence(["a"], ["a"], ["x"], per_anchor=0),
        lambda: pairs_of_ids(["a"], ["b"], left_ids="ab", per_anchor=0),
    ):
        with pytest.raises(ConfigurationError, match="per_anchor must be at least 1. Got 0"):
            make()
    with pytest.raises(ConfigurationError, match="within must be at least 0"):
        pairs_near_in_time([1.0], within=-1)
