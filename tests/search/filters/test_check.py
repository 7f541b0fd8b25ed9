import datetime

import pyarrow as pa
import pytest

from kinfolk import ConfigurationError, DataError
from kinfolk.search.filters import Expression, check, col, contradictions, mine

SCHEMA = pa.schema(
    {
        "year": pa.int32(),
        "name": pa.dictionary(pa.int8(), pa.string()),
        "day": pa.date32(),
        "moment": pa.timestamp("s"),
        "zoned": pa.timestamp("s", tz="UTC"),
        "flag": pa.bool_(),
        "tags": pa.list_(pa.string()),
        "days": pa.list_(pa.date32()),
    }
)


def test_texts_that_stand_for_dates_become_dates() -> None:
    date, moment = datetime.date(1950, 12, 31), datetime.datetime(1950, 12, 31, 10)
    assert check(col("day") >= "1950-12-31", SCHEMA) == (col("day") >= date)
    assert check(col("days").contains("1950-12-31"), SCHEMA) == col("days").contains(date)
    assert check(col("moment") < "1950-12-31 10:00", SCHEMA) == (col("moment") < moment)
    assert check(col("moment") < date, SCHEMA) == (col("moment") < datetime.datetime(1950, 12, 31))
    zoned = check(col("zoned").between("1950-12-31", "1950-12-31T19:00+09:00"), SCHEMA)
    assert zoned == col("zoned").between(
        datetime.datetime(1950, 12, 31, tzinfo=datetime.UTC), moment.replace(tzinfo=datetime.UTC)
    )


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (col("yaer") > 1, "The table that is filtered has no column 'yaer'. Did you mean 'year'? Its columns: year, name,"),
        (~(col("year") == "1950"), "col('year') == '1950' needs a number: the column holds integers. Got '1950' (str)."),
        (col("year") == True, "needs a number"),  # noqa: E712
        (col("name") == 1, "needs"),
        (col("flag") == 1, "needs True or False: the column holds bools. Got 1 (int)."),
        (col("day") > "31.12.1950", "needs a date, or a text such as '1950-12-31'. Got '31.12.1950'."),
        (col("day") > datetime.datetime(1950, 1, 1), "the column holds dates. Got datetime.datetime(1950, 1, 1, 0, 0)"),
        (col("moment") > datetime.datetime(1950, 1, 1, tzinfo=datetime.UTC), "the column has none. Give a datetime without"),
        (col("zoned") > datetime.datetime(1950, 1, 1), "the column has. Give a datetime with tzinfo."),
        (col("tags") == "x", "Column 'tags' holds lists. Got col('tags') == 'x'. Lists are asked with col('tags').contains"),
        (col("year").contains(1), "Column 'year' holds no lists."),
        (col("year").starts_with("1"), "Only texts can start with a text."),
        (col("year") == mine("year"), "speaks of the query's own attribute. Put its value there first: bind(expression"),
        (col("name").is_in(mine("names")), "speaks of the query's own attribute"),
        ("year > 1", "A filter is made by col(...) or from_sql(...). Got 'year > 1'."),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_columns_is_said(expression: Expression, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(expression, SCHEMA)
    assert message in str(caught.value)


def test_a_column_of_lists_of_lists_is_refused() -> None:
    with pytest.raises(DataError, match="Column 'a' is of the type list<.*>, which filters cannot use"):
        check(col("b") == 1, pa.schema({"b": pa.int64(), "a": pa.list_(pa.list_(pa.int64()))}))


@pytest.mark.parametrize(
    "expression",
    [
        (col("a") > 5) & (col("a") < 3),
        (col("a") > 5) & (col("a") <= 5),
        col("a").between(9, 1),
        (col("a") == 1) & (col("a") == 2),
        (col("a") == 1) & (col("a") != 1),
        col("a").is_in([1, 2]) & (col("a") > 2),
        col("a").is_null() & (col("a") > 2),
        col("a").is_null() & ~col("a").is_null(),
        col("a").is_null() & col("a").starts_with("x"),
        col("tags").contains("x") & (col("b") == 1) & ~col("tags").contains("x"),
        (col("b") == 1) | ((col("a") > "b") & (col("a") < "a")),
        (col("b") == 1) & (((col("a") > 2) & (col("a") < 1)) | (col("a") == 1)),
    ],
)  # fmt: skip
def test_conditions_that_exclude_each_other_are_found_once(expression: Expression) -> None:
    assert len(contradictions(expression)) == 1


@pytest.mark.parametrize(
    "expression",
    [
        (col("a") >= 5) & (col("a") <= 5),
        (col("a") > 3) & (col("b") < 3),
        (col("a") > 5) | (col("a") < 3),
        ~((col("a") > 5) & (col("a") < 3)),
        (col("a") > 1) & (col("a") < "x"),
        (col("a") > mine("a")) & (col("a") < 3),
        (col("tags").contains("x")) & (col("tags").contains("y")),
        col("a").is_null() & (col("b") > 2),
        col("a").is_in([1, 2]) & (col("a") >= 2),
    ],
)
def test_conditions_that_may_be_met_together_are_left_alone(expression: Expression) -> None:
    assert contradictions(expression) == ()
