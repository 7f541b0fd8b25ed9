from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filter_cases import SCHEMA, conditions, passing_rows, tables, trees
from kinfolk import ConfigurationError, DataError
from kinfolk.search.attributes import Attributes
from kinfolk.search.bitmaps import bits_of
from kinfolk.search.filters import Expression, col, from_sql
from kinfolk.search.passing import Passing

filters = trees(conditions())


def assert_rows(passing: Passing, rows: list[int]) -> None:
    """Every form of a set of rows says the same."""
    bits = np.unpackbits(passing.as_bitmap().view(np.uint8), bitorder="little")
    assert passing.as_ids().tolist() == np.flatnonzero(bits).tolist() == rows
    assert passing.size == len(rows)
    assert passing.as_ids().dtype == np.int32
    assert bits.size == -(-passing.total // 64) * 64
    if passing.order is not None:
        assert passing.span is not None
        assert sorted(passing.order.rows[passing.span[1] : passing.span[2]].tolist()) == rows
    if passing.ids is not None:
        assert passing.ids.tolist() == rows
    if passing.bitmap is not None:
        assert passing.bitmap.tolist() == passing.as_bitmap().tolist()


def assert_same(first: Attributes, second: Attributes) -> None:
    """Array for array: what was changed is what would have been built."""
    left, right = first.arrays(), second.arrays()
    assert {name: array.tolist() for name, array in left.items()} == {
        name: array.tolist() for name, array in right.items()
    }


@given(tables(), st.lists(filters, min_size=1, max_size=5))
@settings(max_examples=70, suppress_health_check=[HealthCheck.too_slow])
def test_the_rows_that_pass_are_those_that_pass_one_by_one(table: pa.Table, expressions: list[Expression]) -> None:
    attributes = Attributes.build(table)
    for expression, expected in zip(expressions, passing_rows(expressions, table), strict=True):
        assert_rows(attributes.select(expression), expected)


def large_table(rng: np.random.Generator, rows: int) -> pa.Table:
    """Enough rows that lists, bitmaps, slices and what lies between kept bitmaps are all in use."""
    year = rng.integers(1900, 2000, rows)
    tags = [[f"t{tag}" for tag in some] for some in rng.zipf(1.4, (rows, 3)) % 900]
    return pa.table(
        {
            "year": pa.array(year, mask=year % 17 == 0),
            "weight": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
            "source": rng.choice(list("ABC"), rows),
            "name": [f"name {number}" for number in rng.integers(0, rows, rows)],
            "tags": pa.array([some if number % 50 else None for number, some in enumerate(tags)]),
        }
    )


LARGE = [
    col("year") == 1950,
    col("year") != 1950,
    ~(col("year") == 1950),
    col("year").is_null(),
    ~col("year").is_null(),
    col("weight") > 0,
    ~(col("weight") > 0),
    ~col("weight").between(-0.1, 0.1),
    col("weight").between(-0.001, 0.001),
    col("year").between(1950, 1960) & col("tags").contains("t2"),
    col("year").between(1910, 1990) & (col("weight") < 1),
    (col("year") > 1950) & (col("year") < 1970) & (col("year") != 1960),
    (col("weight") > 0) & (col("source") == "A") & ~col("tags").contains("t1"),
    (col("name") == "name 77") | (col("name") == "name 78") | col("tags").contains("t333"),
    (col("year") < 1920) | (col("year") > 1980) | (col("year") == 1950) | (col("weight") < -1),
    (col("year") < 1950) | (col("year") >= 1940),
    col("tags").contains("t40") & col("tags").contains("t50"),
    col("tags").contains("t200") & col("tags").contains_any(["t300", "t301", "t1"]),
    col("weight").between(0, 0.004) & col("tags").contains("t200"),
    col("tags").contains_all(["t1", "t2"]),
    col("tags").is_null() & col("source").is_in(["A", "B"]),
    col("name").is_in([f"name {number}" for number in range(0, 400, 3)]),
    col("name").starts_with("name 1") & ~col("name").starts_with("name 12"),
]


@pytest.mark.parametrize("rows", [64, 2500])
def test_the_rows_of_a_large_table_are_those_that_pass_one_by_one(rng: np.random.Generator, rows: int) -> None:
    table = large_table(rng, rows)
    attributes = Attributes.build(table)
    alive = bits_of(np.array([row for row in range(rows) if row % 7], dtype=np.int32), rows)
    for expression, expected in zip(LARGE, passing_rows(LARGE, table), strict=True):
        assert_rows(attributes.select(expression), expected)
        assert_rows(attributes.select(expression).within(alive), [row for row in expected if row % 7])


@given(tables(), tables(), st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_rows_that_come_change_and_go_give_what_would_have_been_built(
    table: pa.Table, other: pa.Table, data: st.DataObject
) -> None:
    attributes = Attributes.build(table)
    assert_same(attributes.append(other), Attributes.build(pa.concat_tables([table, other])))
    some = data.draw(st.permutations(range(len(table))))[: len(other)]
    order = np.arange(len(table))
    order[some] = np.arange(len(table), len(table) + len(some))
    updated = pa.concat_tables([table, other]).take(order)
    assert_same(attributes.update(some, other[: len(some)]), Attributes.build(updated))
    assert_same(attributes.take(some), Attributes.build(table.take(pa.array(some, pa.int64()))))
    left = [row for row in range(len(table)) if row not in some]
    assert_same(attributes.remove(some), Attributes.build(table.take(pa.array(left, pa.int64()))))


def test_what_is_kept_in_files_is_read_in_place(tmp_path: Path, rng: np.random.Generator) -> None:
    table = large_table(rng, 2000)
    attributes = Attributes.build(table)
    for name, array in attributes.arrays().items():
        np.save(tmp_path / f"{name}.npy", array)
    opened = Attributes.from_arrays({file.stem: np.load(file, mmap_mode="r") for file in tmp_path.iterdir()})
    assert opened.schema == table.schema
    assert_same(opened, attributes)
    for expression in LARGE:
        assert_rows(opened.select(expression), attributes.select(expression).as_ids().tolist())
    assert_same(opened.append(table), attributes.append(table))


def test_arrays_of_something_else_are_refused() -> None:
    arrays = Attributes.build(pa.table({"a": [1]})).arrays()
    del arrays["0.rows"]
    with pytest.raises(DataError, match=r"These are not the arrays of attributes \('rows'\)\. Build the index again\."):
        Attributes.from_arrays(arrays)


def test_an_order_has_equal_values_by_row_and_nulls_last() -> None:
    attributes = Attributes.build(pa.table({"a": [2.0, None, 1.0, float("nan"), 2.0], "tags": [["x"]] * 5}))
    assert attributes.order("a").tolist() == [2, 0, 4, 1, 3]
    passing = attributes.select(col("a") >= 1.0)
    assert passing.span == ("a", 0, 3)
    assert passing.as_ids().tolist() == [0, 2, 4]
    with pytest.raises(ConfigurationError, match="Rows have no order by 'tags', a column of lists"):
        attributes.order("tags")
    with pytest.raises(ConfigurationError, match="no column 'b'"):
        attributes.order("b")


def test_null_passes_no_comparison_and_every_complement() -> None:
    attributes = Attributes.build(pa.table({"a": ["x", "y", None], "tags": [["t"], [], None]}))
    cases = {
        "a = 'x'": [0],
        "a <> 'x'": [1],
        "NOT a = 'x'": [1, 2],
        "a NOT IN ('x', 'z')": [1, 2],
        "a IS NULL": [2],
        "a IS NOT NULL": [0, 1],
        "'t' IN tags": [0],
        "NOT 't' IN tags": [1, 2],
        "tags IS NULL": [2],
        "a LIKE '%'": [0, 1],
        "a >= 'x' OR a < 'x'": [0, 1],
    }
    assert {text: attributes.select(text).as_ids().tolist() for text in cases} == cases
    assert attributes.select(col("tags").contains_all([])).as_ids().tolist() == [0, 1]


def test_a_set_of_no_rows_of_no_table_is_empty() -> None:
    attributes = Attributes.build(SCHEMA.empty_table())
    assert attributes.select(col("year") > 1).size == 0
    assert attributes.select(~(col("year") > 1)).as_bitmap().size == 0
    assert len(attributes.append(pa.table({name: [None] for name in SCHEMA.names}, schema=SCHEMA))) == 1


def test_notices_say_what_excludes_itself_and_what_no_row_has() -> None:
    attributes = Attributes.build(
        pa.table({"year": [1950, 1960], "source": ["A", "B"], "none": pa.nulls(2, pa.string())})
    )
    assert attributes.select("year > 5 AND year < 3").size == 0
    assert attributes.notices("year > 5 AND year < 3") == (
        "No row can pass (col('year') > 5) & (col('year') < 3): the conditions on 'year' exclude each other.",
        "No row passes col('year') < 3. Its values are from 1950 to 1960.",
    )
    assert attributes.notices("source = 'a' OR year > 1900") == (
        "No row passes col('source') == 'a'. Its values are from 'A' to 'B'.",
    )
    assert attributes.notices("source = 'A' AND year = 1960") == (
        "No row passes (col('source') == 'A') & (col('year') == 1960), though each of its conditions is passed by some.",
    )
    assert attributes.notices(col("none") == "x") == ("No row passes col('none') == 'x'. All its values are missing.",)
    assert attributes.notices("source = 'A' AND year = 1950") == ()
    assert attributes.notices("TRUE") == ()


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda a: a.append(pa.table({"b": [1]})), "The attributes have the columns a. Got b."),
        (lambda a: a.append(pa.table({"a": ["x"]})), "The new attributes are of other types than those there are"),
        (lambda a: a.update([0, 0], pa.table({"a": [1, 2]})), "Each row can be named once"),
        (lambda a: a.update([0], pa.table({"a": [1, 2]})), "Got 1 rows and 2 of attributes"),
        (lambda a: a.take([3]), "Rows are from 0 to 2. Got 3 to 3."),
        (lambda a: a.remove([0.5]), "Rows are a list of whole numbers. Got an array of float64"),
        (
            lambda _: Attributes.build(pa.table({"a": [{"b": 1}]})),
            "Column 'a' is of the type struct<b: int64>, which filters",
        ),
        (lambda _: Attributes.build(pa.table({"a": pa.array([2**64 - 1], pa.uint64())})), "do not fit into 64 bits"),
        (lambda _: Attributes.build(pa.table([[1], [2]], names=["a", "a"])), "'a' came twice. Rename one."),
    ],
)
def test_what_cannot_be_done_is_said(act, message: str) -> None:
    with pytest.raises(DataError) as caught:
        act(Attributes.build(pa.table({"a": [1, 2, 3]})))
    assert message in str(caught.value)


def test_a_constant_beside_float32_is_rounded_as_the_column_is() -> None:
    attributes = Attributes.build(pa.table({"a": pa.array([0.1, 0.2], pa.float32())}))
    assert attributes.select(col("a") == 0.1).as_ids().tolist() == [0]


def test_whole_numbers_are_compared_exactly() -> None:
    attributes = Attributes.build(pa.table({"a": [2**53, 2**53 + 1]}))
    assert attributes.select(col("a") == 2**53 + 1).as_ids().tolist() == [1]
    assert attributes.select(from_sql("a > 9007199254740992.0")).as_ids().tolist() == [1]


def test_columns_may_be_cut_chunked_and_of_any_layout() -> None:
    hidden = pa.ListArray.from_arrays([0, 2, 3, 4], pa.array(["a", "b", "c", "d"]), mask=pa.array([False, True, False]))
    dictionary = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), pa.array(["x", None, "y"]))
    table = pa.table(
        {
            "tags": hidden,
            "fixed": pa.array([[1, 2], None, [2, 3]], pa.list_(pa.int8(), 2)),
            "view": pa.array(["x", None, "y"], pa.string_view()),
            "coded": dictionary,
            "coded_tags": pa.array([["x"], ["y", "x"], None], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
            "half": pa.array([1.5, None, 0.5], pa.float16()),
            "day": pa.array([0, None, 86_400_000], pa.date64()),
        }
    )
    chunked = pa.concat_tables([table[1:], table[:1], table[2:]])
    expressions = [
        col("tags").contains("c"),
        col("tags").contains_any(["a", "d"]),
        col("tags").is_null(),
        col("fixed").contains(2),
        col("view").starts_with("x"),
        col("coded").is_null(),
        col("coded_tags").contains("x"),
        col("half") > 1,
        col("day") <= "1970-01-01",
    ]
    for cut in (table, table[1:], chunked):
        attributes = Attributes.build(cut)
        for expression, expected in zip(expressions, passing_rows(expressions, cut), strict=True):
            assert_rows(attributes.select(expression), expected)
