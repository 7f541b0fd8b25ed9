import datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from filter_cases import any_conditions, trees
from kinfolk import ConfigurationError
from kinfolk.search import filters
from kinfolk.search.filters import Expression, all_of, any_of, col, everything, mine, nothing

NAMES = {name: getattr(filters, name) for name in filters.__all__} | {"datetime": datetime}


@given(trees(any_conditions))
@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
def test_an_expression_reads_as_the_python_that_makes_it(expression: Expression) -> None:
    again = eval(repr(expression), NAMES)
    assert again == expression
    assert repr(again) == repr(expression)
    assert hash(again) == hash(expression)


def test_the_text_of_an_expression_is_the_one_people_write() -> None:
    expression = col("year").between(1950, 1960) & col("tags").contains("steel") & ~(col("source") == "B")
    assert (
        repr(expression) == "col('year').between(1950, 1960) & col('tags').contains('steel') & ~(col('source') == 'B')"
    )
    assert expression.to_sql() == "year BETWEEN 1950 AND 1960 AND 'steel' IN tags AND NOT source = 'B'"
    either = (col("a") == 1) | (col("b") != "x") & (col("c") < 2.5)
    assert repr(either) == "(col('a') == 1) | ((col('b') != 'x') & (col('c') < 2.5))"
    assert either.to_sql() == "a = 1 OR (b <> 'x' AND c < 2.5)"


def test_operators_may_stand_on_either_side() -> None:
    assert (col("a") > 3) == (col("a") > 3)
    assert (mine("b") == col("a")) == (col("a") == mine("b"))
    assert (np.int64(3) >= col("a")) == (col("a") <= 3)


def test_what_is_written_differently_and_means_one_thing_is_one_expression() -> None:
    a, b, c = col("a") == 1, col("b") == 2, col("c") == 3
    assert (a & b) & c == a & (b & c) == all_of(a, b, c)
    assert (a | b) | c == a | (b | c) == any_of(a, b, c)
    assert ~~a == a
    assert ~everything() == nothing()
    assert a & everything() == a | nothing() == a
    assert a & nothing() == col("a").is_in([]) == col("a").contains_any([]) == any_of() == nothing()
    assert a | everything() == all_of() == everything()
    assert col("a").is_in(["y", "x", "y"]) == col("a").is_in(["x", "y"])
    assert col("a").is_in([1]) == a
    assert col("a").contains_all([1]) == col("a").contains_any([1]) == col("a").contains(1)
    assert col("a").contains_all([]) == ~col("a").is_null()
    assert mine("a") + 2 - 2 == mine("a")


def test_one_and_true_and_one_point_zero_are_three_constants() -> None:
    assert len({col("a") == 1, col("a") == True, col("a") == 1.0}) == 3  # noqa: E712
    assert len({col("a") == datetime.date(2000, 1, 1), col("a") == "2000-01-01"}) == 2


def test_constants_become_pythons_own() -> None:
    assert (col("a") == np.float32(0.5)) == (col("a") == 0.5)
    assert (col("a") == np.str_("x")) == (col("a") == "x")
    assert (col("a") == np.datetime64("2000-01-01")) == (col("a") == datetime.date(2000, 1, 1))
    assert (col("a") == np.datetime64("2000-01-01T00:00", "ns")) == (col("a") == datetime.datetime(2000, 1, 1))
    tokyo = datetime.timezone(datetime.timedelta(hours=9))
    noon = datetime.datetime(2000, 1, 1, 12, tzinfo=datetime.UTC)
    assert (col("a") == noon.astimezone(tokyo)) == (col("a") == noon)


def test_expressions_do_not_change() -> None:
    with pytest.raises(AttributeError):
        (col("a") == 1).value = 2  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        col("a").name = "b"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda: col("a") > 1 and col("b") > 1,
            "A filter is neither true nor false before it meets a row: col('a') > 1.",
        ),
        (lambda: 1 < col("a") < 5, "write a range as .between(low, high)"),
        (lambda: not col("a"), "col('a') is a column and no filter yet. Compare it: col('a') == value"),
        (lambda: "x" in col("tags"), "Python's 'in' cannot make a filter. Write col('tags').contains('x')."),
        (lambda: col("a") == None, "A comparison with None never passes. For missing values use .is_null()."),  # noqa: E711
        (lambda: col("a") == np.datetime64("NaT"), "A comparison with None never passes."),
        (lambda: col("a") < float("nan"), "A filter compares with finite numbers. Got nan."),
        (lambda: col("a") == [1], "Got [1] (list)."),
        (lambda: col("a") == col("b"), "An attribute of the query is mine('b')."),
        (lambda: col("a").is_in("abc"), "Several values are needed, such as ['a', 'b']. Got 'abc'."),
        (lambda: col("a").is_in(mine("b") + 1), "Nothing can be added to a list. Got mine('b') + 1"),
        (lambda: col("a").starts_with(1), "col('a').starts_with needs a text. Got 1."),
        (lambda: col("a").starts_with("\ud800"), "must be valid Unicode"),
        (lambda: col(""), "A filter names a column by its name, a text that is not empty. Got ''."),
        (lambda: all_of(True), "A filter is put together of filters, such as col('year') > 1950. Got True."),
        (lambda: mine("a") + 1 + datetime.timedelta(1), "Only numbers, or only timedeltas, can be added to mine('a')."),
    ],
)
def test_what_makes_no_filter_is_said(act, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        act()
    assert message in str(caught.value)
