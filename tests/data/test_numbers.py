"""Numbers as people write them."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfolk.data.numbers import decimal_mark, parse_numbers


def read(*cells, decimal=None):
    return parse_numbers(pa.chunked_array([pa.array(cells)]), decimal=decimal)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12),
        ("-3.5", -3.5),
        ("+4", 4),
        (".5", 0.5),
        ("5.", 5),
        ("1e3", 1000),
        ("1.5E-2", 0.015),
        ("$1,299.00", 1299),
        ("$ 5", 5),
        ("-$5", -5),
        ("US$ 12", 12),
        ("12 USD", 12),
        ("€1.299,00", 1299),
        ("1.299,00 €", 1299),
        ("¥100", 100),
        ("1 234 567", 1234567),
        ("1\u00a0234,50", 1234.5),
        ("1'234.50", 1234.5),
        ("1,234,567", 1234567),
        ("1.234.567", 1234567),
        ("1,00,000", 100000),
        ("12,50", 12.5),
        ("0,125", 0.125),
        ("8.10 %", 8.1),
        ("8%", 8),
        ("($1,299.00)", -1299),
        ("(1995)", 1995),
        ("1995,", 1995),
        ("1993.", 1993),
        ("１２", 12),
        ("١٢", 12),
        ("−5", -5),
        ("007", 7),
    ],
)
def test_one_cell(cell, value):
    assert read(cell).values.tolist() == [value]


@pytest.mark.parametrize(
    "cell",
    [
        "10-20",
        "5 to 9",
        "<3",
        "1/2",
        "inf",
        "-inf",
        "Infinity",
        "1e999",
        "abc",
        "12a",
        "1.2.3",
        "1,2,3",
        "$",
        "%",
        "0x10",
    ],
)
def test_what_is_no_finite_number_is_missing_and_reported(cell):
    numbers = read("1", cell)
    assert np.isnan(numbers.values[1])
    assert numbers.unreadable.tolist() == [1]


@pytest.mark.parametrize("cell", ["", "  ", None, "nan", "NULL", "N/A", "-", "unknown", "NA"])
def test_what_says_missing_is_missing_and_not_reported(cell):
    numbers = read("1", cell)
    assert np.isnan(numbers.values[1])
    assert numbers.unreadable.size == 0


def test_a_value_that_reads_two_ways_follows_the_column():
    assert read("1,299", "12.50").values.tolist() == [1299, 12.5]
    assert read("1,299", "12,50").values.tolist() == [1.299, 12.5]
    assert read("1.299", "12,50").values.tolist() == [1299, 12.5]
    assert read("1.299", "12.50").values.tolist() == [1.299, 12.5]


def test_a_value_that_reads_one_way_does_not_follow_the_column():
    assert read("1.299,50", "12.50", "3.25", "4.75").values.tolist() == [1299.5, 12.5, 3.25, 4.75]
    assert read("12.5", decimal=",").values.tolist() == [12.5]


def test_the_mark_is_decided_once_and_can_be_given():
    column = pa.chunked_array([["1.299"], ["12,50"]])
    assert decimal_mark(column) == ","
    assert parse_numbers(column.slice(0, 1)).values.tolist() == [1.299]
    assert parse_numbers(column.slice(0, 1), decimal=",").values.tolist() == [1299]


def test_typed_columns():
    def values(array):
        return parse_numbers(pa.chunked_array([array])).values

    assert values(pa.array([1, None], pa.int16())).tolist()[0] == 1
    assert values(pa.array([True, False])).tolist() == [1, 0]
    assert values(pa.array(["1.50"]).cast(pa.decimal128(5, 2))).tolist() == [1.5]
    assert values(pa.array(["7", "8"]).dictionary_encode()).tolist() == [7, 8]
    assert np.isnan(values(pa.array([float("inf"), float("nan")]))).all()
    assert np.isnan(values(pa.array([[1], [2]]))).all()
    assert values(pa.array([], pa.string())).shape == (0,)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1))
def test_what_python_writes_is_read_back(numbers):
    assert parse_numbers(pa.chunked_array([[repr(x) for x in numbers]]), decimal=".").values.tolist() == numbers


@given(st.lists(st.integers(0, 10**12), min_size=1), st.sampled_from([".", ","]))
def test_money_is_read_back_in_either_convention(cents, mark):
    other = "," if mark == "." else "."
    cells = [f"{c // 100:,}".replace(",", other) + f"{mark}{c % 100:02d}" for c in cents]
    values = parse_numbers(pa.chunked_array([cells])).values
    np.testing.assert_allclose(values, np.array(cents) / 100)


@given(st.lists(st.text(max_size=12)))
def test_no_text_breaks_the_reader(cells):
    numbers = parse_numbers(pa.chunked_array([pa.array(cells, pa.string())]))
    assert numbers.values.shape == (len(cells),)
    assert not np.isinf(numbers.values).any()
