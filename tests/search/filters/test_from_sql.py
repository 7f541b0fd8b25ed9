import builtins
import datetime

import pytest
from hypothesis import HealthCheck, given, settings

from filter_cases import any_conditions, trees
from kinfolk import ConfigurationError, MissingExtraError
from kinfolk.search.filters import Expression, col, everything, from_sql, mine, nothing
from kinfolk.search.filters.to_sql import RESERVED


@given(trees(any_conditions))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_an_expression_comes_back_from_its_text(expression: Expression) -> None:
    assert from_sql(expression.to_sql()) == expression


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_column_may_have_the_name_of_a_word_of_sql(name: str) -> None:
    for expression in (col(name) == 1, col(name).contains(mine(name) + 1), col(name).contains_any(["a", "b"])):
        assert from_sql(expression.to_sql()) == expression


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("year BETWEEN 1950 AND 1960 AND 'steel' IN tags", col("year").between(1950, 1960) & col("tags").contains("steel")),
        ("1950 <= year and year < 1.5e3", (col("year") >= 1950) & (col("year") < 1500.0)),
        ("a != -1 OR NOT (b = 'it''s' AND c <> .5)", (col("a") != -1) | ~((col("b") == "it's") & (col("c") != 0.5))),
        ("source NOT IN ('A', 'B')", ~col("source").is_in(["A", "B"])),
        ("a NOT BETWEEN 1 AND 2", ~col("a").between(1, 2)),
        ("name LIKE 'abc%'", col("name").starts_with("abc")),
        ("name NOT LIKE 'abc%'", ~col("name").starts_with("abc")),
        ("name LIKE 'a!%b%' ESCAPE '!'", col("name").starts_with("a%b")),
        ("name LIKE 'abc'", col("name") == "abc"),
        ("a IS NULL OR b IS NOT NULL", col("a").is_null() | ~col("b").is_null()),
        ("day >= '1950-12-31'", col("day") >= "1950-12-31"),
        ("day >= DATE '1950-12-31'", col("day") >= datetime.date(1950, 12, 31)),
        ("day >= CAST('1950-12-31' AS DATE)", col("day") >= datetime.date(1950, 12, 31)),
        ("t < TIMESTAMP '1950-12-31 10:00:00'", col("t") < datetime.datetime(1950, 12, 31, 10)),
        ("CONTAINS_ANY(tags, 'a', 'b')", col("tags").contains_any(["a", "b"])),
        ("contains_all(tags, 1, 2)", col("tags").contains_all([1, 2])),
        ("flag AND NOT \"other flag\"", (col("flag") == True) & ~(col("other flag") == True)),  # noqa: E712
        ("country = mine.country", col("country") == mine("country")),
        ("year BETWEEN mine.year - 2 AND mine.year + 2", col("year").between(mine("year") - 2, mine("year") + 2)),
        ("country IN mine.countries AND mine.tag IN tags", col("country").is_in(mine("countries")) & col("tags").contains(mine("tag"))),
        ("d > mine.d - INTERVAL '30' DAY", col("d") > mine("d") - datetime.timedelta(days=30)),
        ("d > mine.d + INTERVAL -30 DAY", col("d") > mine("d") - datetime.timedelta(days=30)),
        ("d > mine.d + INTERVAL 2 hours", col("d") > mine("d") + datetime.timedelta(hours=2)),
        ("TRUE", everything()),
        ("a = 1 AND FALSE", nothing()),
        ("a = 1 -- a comment", col("a") == 1),
    ],
)  # fmt: skip
def test_sql_is_read_as_people_write_it(text: str, expression: Expression) -> None:
    assert from_sql(text) == expression


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("UPPER(a) = 'X'", "`UPPER(a) = 'X'` is not possible in a filter. Allowed are = <> < <= > >=, BETWEEN, IN,"),
        ("a IN (SELECT b FROM c)", "`a IN (SELECT b FROM c)` is not possible"),
        ("a = (SELECT 1)", "`(SELECT 1)` is not possible"),
        ("EXISTS(SELECT 1)", "is not possible"),
        ("a + 1 = 2", "`a + 1 = 2` is not possible"),
        ("a = b", "`b` is not possible"),
        ("a = 1 + 1", "`1 + 1` is not possible"),
        ("t.a = 1", "Got `t.a`. A name with a dot in it stands in double quotes"),
        ("a LIKE '%x'", "`a LIKE '%x'` is not possible"),
        ("a LIKE 'x_y%'", "is not possible"),
        ("a LIKE 'x%' ESCAPE 'ab'", "is not possible"),
        ("a LIKE 'x!' ESCAPE '!'", "is not possible"),
        ("a > mine.a + INTERVAL (1 + 2) DAY", "An interval is written INTERVAL '30' DAY"),
        ("a ILIKE 'x%'", "is not possible"),
        ("a BETWEEN SYMMETRIC 2 AND 1", "is not possible"),
        ("a IS TRUE", "is not possible"),
        ("a = NULL", "A comparison with NULL never passes: `a = NULL`. Write IS NULL or IS NOT NULL."),
        ("a = :x", "`:x` is not possible"),
        ("a[1] = 2", "`a[1] = 2` is not possible"),
        ("a = 'b' 'c'", "is not possible"),
        ("a IN (1, mine.b)", "`mine.b` is not possible"),
        ("mine.a = 1", "`mine.a = 1` is not possible"),
        ("CONTAINS_ANY(tags)", "`CONTAINS_ANY(tags)` is not possible"),
        ("a = 1; DROP TABLE b", "cannot be read as a filter, from `DROP` in column"),
        ("SELECT 1", "cannot be read as a filter"),
        ("a = 'x", "`a = 'x` cannot be read as a filter."),
        ("a =", "cannot be read as a filter, from `=` in column"),
        ("  ", "A filter is a condition such as \"year > 1950 AND source = 'B'\". Got '  '."),
        ("a > DATE '1950-13-01'", "A date is written YYYY-MM-DD, a time YYYY-MM-DD HH:MM:SS. Got `1950-13-01`."),
        ("a > mine.a + INTERVAL '1' MONTH", "An interval is written INTERVAL '30' DAY"),
        ("a = 1e999", "finite numbers"),
        ("(" * 3000, "too many brackets within brackets"),
        (f"a IN ({'1, ' * 50_000}1)", "at most 100,000 characters of SQL. Got 150,008."),
    ],
)  # fmt: skip
def test_the_part_that_is_not_possible_is_shown(text: str, part: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        from_sql(text)
    assert part in str(caught.value)


def test_a_long_chain_is_no_deep_tree() -> None:
    assert from_sql(" OR ".join(f"a = {number}" for number in range(700))).parts[-1] == (col("a") == 699)  # type: ignore[attr-defined]


def test_without_sqlglot_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    imported = builtins.__import__

    def fail(name: str, *args: object, **rest: object) -> object:
        if name.startswith("sqlglot"):
            raise ImportError(name)
        return imported(name, *args, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", fail)
    with pytest.raises(MissingExtraError, match=r"A filter written as SQL needs .* pip install 'kinfolk\[search\]'"):
        from_sql("only_here = 1")


@pytest.mark.parametrize("text", [None, 1, col("a") == 1])
def test_what_is_no_text_is_refused(text: object) -> None:
    with pytest.raises(ConfigurationError, match="A filter is a condition such as"):
        from_sql(text)  # type: ignore[arg-type]
