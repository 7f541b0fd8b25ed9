"""From scored pairs to groups, by hand."""

import numpy as np
import pytest

from kinfolk.errors import ConfigurationError
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.grouping import check_grouping, group_records

CHAIN = Candidates(np.array([0, 1, 2], np.int32), np.array([1, 2, 3], np.int32))


def test_components_keep_a_group_that_hangs_together() -> None:
    triangle = Candidates(np.array([0, 0, 1], np.int32), np.array([1, 2, 2], np.int32))
    weight = np.array([4.0, -1.0, 4.0])
    assert group_records(4, triangle, weight, grouping="components").tolist() == [0, 0, 0, 3]


def test_components_split_what_is_only_chained_together() -> None:
    weight = np.array([5.0, 1.0, 5.0])
    assert group_records(4, CHAIN, weight, grouping="components").tolist() == [0, 0, 2, 2]


def test_components_split_a_group_that_holds_a_source_twice() -> None:
    pairs = Candidates(np.array([0, 0, 1], np.int32), np.array([1, 2, 2], np.int32))
    weight = np.array([9.0, 5.0, 5.0])
    free = group_records(3, pairs, weight, grouping="components", source=np.array([0, 1, 2]))
    bound = group_records(3, pairs, weight, grouping="components", source=np.array([0, 1, 1]))
    assert free.tolist() == [0, 0, 0]
    assert bound.tolist() == [0, 0, 2]


def test_the_cut_decides() -> None:
    weight = np.array([2.0, -20.0, 3.0])
    assert group_records(4, CHAIN, weight, cut=0.0).tolist() == [0, 0, 2, 2]
    assert group_records(4, CHAIN, weight, cut=2.5).tolist() == [0, 1, 2, 2]
    assert group_records(4, CHAIN, weight, cut=np.inf).tolist() == [0, 1, 2, 3]


def test_an_unknown_way_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="average or components"):
        check_grouping("single")
