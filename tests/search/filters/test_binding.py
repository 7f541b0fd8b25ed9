import datetime
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kinfolk import ConfigurationError
from kinfolk.search.filters import Expression, all_of, bind, col, group_by_filter, mine, nothing

SAME_PLACE = (col("country") == mine("country")) & col("year").between(mine("year") - 2, mine("year") + 2)


def test_the_querys_values_take_the_place_of_mine() -> None:
    query = {
        "country": "NL",
        "year": np.int64(1950),
        "tags": ["b", None, "a"],
        "day": datetime.date(1950, 1, 1),
        "tag": "x",
    }
    assert bind(SAME_PLACE, query) == (col("country") == "NL") & col("year").between(1948, 1952)
    assert bind(~(col("source") == mine("country")), query) == ~(col("source") == "NL")
    assert bind(col("tags").contains_any(mine("tags")), query) == col("tags").contains_any(["a", "b"])
    assert bind(col("tags").contains_all(mine("tags")), query) == col("tags").contains_all(["a", "b"])
    assert bind(col("tags").contains(mine("tag")), query) == col("tags").contains("x")
    assert bind(col("tag").is_in(mine("tags")), query) == col("tag").is_in(["a", "b"])
    later = col("day") > mine("day") + datetime.timedelta(days=31)
    assert bind(later, query) == (col("day") > datetime.date(1950, 2, 1))
    plain = (col("a") == 1) | col("b").is_null()
    assert bind(plain, {}) == plain


@pytest.mark.parametrize("missing", [None, math.nan, np.float32("nan"), np.datetime64("NaT")])
def test_a_comparison_with_a_missing_value_passes_nothing(missing: object) -> None:
    query = {"country": "NL", "year": missing, "tags": missing}
    assert bind(SAME_PLACE, query) == nothing()
    assert bind(~(col("year") != mine("year")), query) == ~nothing()
    assert bind(col("tags").contains_all(mine("tags")), query) == nothing()
    assert bind((col("a") == 1) | col("b").is_in(mine("tags")), query) == (col("a") == 1)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (col("a") == mine("yaer"), "The query has no column 'yaer'. Did you mean 'year'?"),
        (col("a") == mine("name") + 1, "mine('name') + 1 adds a number, which needs a number. The query's 'name' is 'x'."),
        (col("a") == mine("year") + datetime.timedelta(1), "adds a timedelta, which needs a date. The query's 'year' is 1950."),
        (col("a") == mine("day") + datetime.timedelta(1), "leaves the calendar: the query's 'day' is datetime.date(9999, 12, 31)"),
        (col("a").is_in(mine("name")), "mine('name') stands where a list is needed. The query's 'name' is 'x'."),
        (col("a") == mine("tags"), "Got ['a'] (list)."),
    ],
)  # fmt: skip
def test_what_cannot_be_bound_is_said(expression: Expression, message: str) -> None:
    query = {"name": "x", "year": 1950, "tags": ["a"], "day": datetime.date.max}
    with pytest.raises(ConfigurationError) as caught:
        bind(expression, query)
    assert message in str(caught.value)


QUERIES = [
    {"country": country, "year": year, "tags": tags}
    for country in ("A", "B", None)
    for year in (0, 1, None)
    for tags in (["a"], ["b", "a"], ["a", "b"], [], None)
]


@given(
    st.lists(st.sampled_from(QUERIES), max_size=12),
    st.sampled_from(
        [SAME_PLACE, col("tags").contains_any(mine("tags")), col("a") == 1, ~(col("c") == mine("country"))]
    ),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_queries_are_grouped_by_equal_filters(queries: list[dict[str, object]], expression: Expression) -> None:
    schema = pa.schema({"country": pa.string(), "year": pa.int64(), "tags": pa.list_(pa.string())})
    groups = group_by_filter(expression, pa.Table.from_pylist(queries, schema))
    slow: dict[Expression, list[int]] = {}
    for row, query in enumerate(queries):
        slow.setdefault(bind(expression, query), []).append(row)
    assert [(bound, rows.tolist()) for bound, rows in groups] == list(slow.items())
    assert all(rows.dtype == np.int32 for _, rows in groups)


def test_a_column_of_queries_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match="The table of queries has no column 'year'"):
        group_by_filter(all_of(SAME_PLACE), pa.table({"country": ["A"]}))
