import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfolk.encoders.batching import distinct_texts, token_batches
from kinfolk.errors import DataError


def test_distinct_texts_keep_first_appearance_and_mark_blanks():
    distinct, rows = distinct_texts(["b", "a", "", "b", " \t\n", "a ", "a"])
    assert distinct == ["b", "a", "a "]
    assert rows.tolist() == [0, 1, -1, 0, -1, 2, 1]


def test_no_texts_give_no_rows():
    distinct, rows = distinct_texts([])
    assert distinct == []
    assert rows.shape == (0,)


def test_one_string_is_refused():
    with pytest.raises(DataError, match="Got one string; put it into a list"):
        distinct_texts("sony turntable")


def test_the_row_of_what_is_no_string_is_named():
    with pytest.raises(DataError, match="Got float in row 2; write missing values as ''"):
        distinct_texts(["a", float("nan")])  # type: ignore[list-item]


def test_batches_by_hand():
    # 12 and 11 fit 24 padded tokens; 3 and 2 are too short to share their padding.
    batches = [batch.tolist() for batch in token_batches([3, 11, 2, 12], budget=24)]
    assert batches == [[3, 1], [0, 2]]


def test_a_text_over_the_budget_goes_alone():
    assert [batch.tolist() for batch in token_batches([5, 100, 99], budget=10)] == [[1], [2], [0]]


def test_no_lengths_give_no_batches():
    assert list(token_batches([], budget=10)) == []


@given(
    lengths=st.lists(st.integers(1, 300), max_size=200),
    budget=st.integers(1, 2000),
)
def test_every_row_once_within_the_budget_with_little_padding(lengths, budget):
    batches = list(token_batches(lengths, budget=budget))
    rows = [int(row) for batch in batches for row in batch]
    assert sorted(rows) == list(range(len(lengths)))
    assert [lengths[row] for row in rows] == sorted(lengths, reverse=True)
    for batch in batches:
        longest, shortest = max(lengths[row] for row in batch), min(lengths[row] for row in batch)
        assert longest * len(batch) <= budget or len(batch) == 1
        assert longest - shortest <= max(2, longest / 8)


def test_batches_are_as_large_as_the_budget_allows():
    batches = list(token_batches(np.full(100, 10), budget=250))
    assert [len(batch) for batch in batches] == [25, 25, 25, 25]
