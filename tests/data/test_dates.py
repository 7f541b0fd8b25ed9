"""Dates as people write them."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinfolk.data.dates import parse_dates

EPOCH = date(1970, 1, 1)


def read(*cells, order=None):
    return parse_dates(pa.chunked_array([pa.array(cells)]), order=order)


@pytest.mark.parametrize(
    "cell",
    [
        "2001-04-03",
        "2001/4/3",
        "2001.04.03",
        "20010403",
        "2001-04-03T10:20:30Z",
        "2001-04-03 23:59",
        "3 April 2001",
        "3rd Apr. 2001",
        "03-Apr-2001",
        "April 3, 2001",
        "Apr 3rd 2001",
        "2001年4月3日",
        " 2001-04-03 ",
    ],
)
def test_the_third_of_april(cell):
    assert read(cell).values.tolist() == [(date(2001, 4, 3) - EPOCH).days]


@pytest.mark.parametrize(
    "cell", ["2001-02-30", "2001-13-01", "20011301", "31/31/2001", "0000-00-00", "soon", "2001-04", "12", "4 Foo 2001"]
)
def test_what_is_no_date_is_missing_and_reported(cell):
    dates = read("2001-04-03", cell)
    assert np.isnan(dates.values[1])
    assert dates.unreadable.tolist() == [1]


@pytest.mark.parametrize("cell", ["", None, "NaT", "NULL"])
def test_what_says_missing_is_not_reported(cell):
    dates = read("2001-04-03", cell)
    assert np.isnan(dates.values[1])
    assert dates.unreadable.size == 0


def test_leap_days():
    assert np.isfinite(read("2000-02-29", "2004-02-29").values).all()
    assert np.isnan(read("1900-02-29", "2001-02-29").values).all()


def test_the_order_is_decided_by_the_values_that_read_one_way():
    day_first = read("3/4/2001", "13/4/2001")
    assert (day_first.order, day_first.settled) == ("day first", True)
    assert day_first.values[1] - day_first.values[0] == 10
    month_first = read("3/4/2001", "3/14/2001")
    assert (month_first.order, month_first.settled) == ("month first", True)
    assert month_first.values[1] - month_first.values[0] == 10


def test_without_evidence_slashes_are_american_and_dots_are_not():
    assert read("3/4/2001").order == "month first"
    assert read("3.4.2001").order == "day first"
    assert read("3/4/2001", "5/6/2001").ambiguous == 2
    assert not read("3/4/2001").settled
    assert read("3/4/2001", order="day first").values.tolist() == [(date(2001, 4, 3) - EPOCH).days]


def test_a_value_against_the_order_is_read_in_the_only_way_it_can_be():
    dates = read("3/14/2001", "3/15/2001", "25/12/2001")
    assert dates.values[2] == (date(2001, 12, 25) - EPOCH).days


def test_two_digit_years_turn_at_69():
    dates = read("1.2.68", "1.2.69")
    assert dates.short_years == 2
    assert dates.values.tolist() == [(date(2068, 2, 1) - EPOCH).days, (date(1969, 2, 1) - EPOCH).days]


def test_a_year_alone_is_its_first_day_and_counted():
    dates = read("1999", "2001-04-03")
    assert dates.values[0] == (date(1999, 1, 1) - EPOCH).days
    assert dates.years == 1


def test_typed_columns():
    def days(array):
        return parse_dates(pa.chunked_array([array])).values.tolist()

    third = (date(2001, 4, 3) - EPOCH).days
    assert days(pa.array([date(2001, 4, 3)])) == [third]
    assert days(pa.array([datetime(2001, 4, 3, 23, 59)])) == [third]
    assert days(pa.array([datetime(2001, 4, 3, 20, tzinfo=UTC)]).cast(pa.timestamp("us", "Asia/Tokyo"))) == [third + 1]
    assert days(pa.array([datetime(1969, 12, 31, 23)])) == [-1]
    assert days(pa.array([20010403])) == [third]
    assert days(pa.array([36984.5])) == [third]  # Excel's day count
    assert np.isnan(days(pa.array([[1]]))).all()


@given(st.lists(st.dates(), min_size=1), st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y年%m月%d日"]))
def test_what_python_writes_is_read_back(dates, form):
    # strftime leaves out the zeros of years before 1000
    cells = [d.strftime(form).rjust(len(date.max.strftime(form)), "0") for d in dates]
    assert parse_dates(pa.chunked_array([cells])).values.tolist() == [(d - EPOCH).days for d in dates]


@given(st.lists(st.dates(min_value=date(1000, 1, 1)), min_size=1), st.sampled_from(["%d.%m.%Y", "%d/%m/%Y"]))
def test_day_first_dates_are_read_back_when_told(dates, form):
    values = parse_dates(pa.chunked_array([[d.strftime(form) for d in dates]]), order="day first").values
    assert values.tolist() == [(d - EPOCH).days for d in dates]


@given(st.lists(st.text(max_size=14)))
def test_no_text_breaks_the_reader(cells):
    assert parse_dates(pa.chunked_array([pa.array(cells, pa.string())])).values.shape == (len(cells),)
