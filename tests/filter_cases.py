"""Random tables, filters that fit them, and the rows that pass, told by plain Python one row at a time."""

import datetime
import math
import operator
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from kinfolk.search.filters import Expression, all_of, any_of, check, col, everything, mine, nothing
from kinfolk.search.filters.expression import And, Between, Compare, Constant, Contains, In, IsNull, Not, Or, StartsWith

SCHEMA = pa.schema(
    {
        "year": pa.int16(),
        "weight": pa.float64(),
        "single": pa.float32(),
        "name": pa.string(),
        "source": pa.dictionary(pa.int8(), pa.string()),
        "day": pa.date32(),
        "moment": pa.timestamp("ms"),
        "zoned": pa.timestamp("us", tz="Asia/Tokyo"),
        "flag": pa.bool_(),
        "tags": pa.list_(pa.string()),
        "numbers": pa.large_list(pa.int64()),
        "empty": pa.null(),
    }
)
# Few values, so that they repeat and that filters meet them.
TEXTS = ["", "a", "ab", "ab%", "abc", "b", "é", "日本", "😀", "'", "\\"]
DAYS = [datetime.date(1969, 12, 31), datetime.date(1970, 1, 1), datetime.date(2000, 2, 29)]
MOMENTS = [
    datetime.datetime(1969, 12, 31, 23, 59, 59, 999000),
    *(datetime.datetime(2000, 1, 1, hour) for hour in (0, 9, 10)),
]
ZONED = [moment.replace(tzinfo=datetime.UTC) for moment in MOMENTS]
CELLS: dict[str, list[Any]] = {
    "year": list(range(-3, 6)),
    "weight": [-1.5, -0.0, 0.0, 0.1, 1.0, math.nan, math.inf, 1e300],
    "single": [-1.5, 0.0, 0.1, 1.0, math.nan],
    "name": TEXTS,
    "source": list("ABC"),
    "day": DAYS,
    "moment": MOMENTS,
    "zoned": ZONED,
    "flag": [True, False],
    "tags": [[], ["a"], ["a", "b", "a"], [None], ["ab", None, "b"], ["", "ab%"], ["abc"]],
    "numbers": [[], [1], [2, 1, 1], [None, 4], [0, 1, 2, 3]],
    "empty": [None],
}
CONSTANTS: dict[str, st.SearchStrategy[Any]] = {
    "year": st.integers(-4, 6) | st.sampled_from([0.5, 2.0, -2.5, 2**70, -(2**70), 1e300]),
    "weight": st.sampled_from([-2, 0, 0.1, 1, 1.0, 1e300, 10**400]),
    "single": st.sampled_from([-1.5, 0, 0.1, 1, 1e300]),
    "name": st.sampled_from([*TEXTS, "aa", "zz"]),
    "source": st.sampled_from("ABCD"),
    "day": st.sampled_from([*DAYS, datetime.date(1, 1, 1)]),
    "moment": st.sampled_from([*MOMENTS, *DAYS, datetime.datetime(2000, 1, 1, 9, 0, 0, 1)]),
    "zoned": st.sampled_from(
        [*ZONED, *DAYS, datetime.datetime(2000, 1, 1, 18, tzinfo=datetime.timezone(datetime.timedelta(hours=9)))]
    ),
    "flag": st.booleans(),
    "tags": st.sampled_from([*TEXTS[:6], "zz"]),
    "numbers": st.integers(-1, 5) | st.just(2.0),
    "empty": st.sampled_from([0, "a", True, DAYS[0], MOMENTS[0]]),
}
LISTS = ("tags", "numbers")


def tables() -> st.SearchStrategy[pa.Table]:
    """Tables of SCHEMA with 0 to 20 rows, from a seed: to draw each cell would take most of the time of the tests."""
    return st.builds(_table, st.integers(0, 20), st.integers(0, 2**32), st.sampled_from([0.0, 0.2, 0.9]))


def _table(size: int, seed: int, missing: float) -> pa.Table:
    random = Random(seed)
    cells = {
        name: [None if random.random() < missing else random.choice(values) for _ in range(size)]
        for name, values in CELLS.items()
    }
    return pa.table(cells, schema=SCHEMA)


@st.composite
def conditions(draw: st.DrawFn) -> Expression:
    """A condition on one column of SCHEMA."""
    name = draw(st.sampled_from(sorted(CONSTANTS)))
    values = CONSTANTS[name]
    column = col(name)
    kinds = ["any", "all", "one"] if name in LISTS else ["=", "!=", "<", "<=", ">", ">=", "between", "in"]
    kind = draw(st.sampled_from([*kinds, "null", *(["prefix"] if name in ("name", "source") else [])]))
    several = st.lists(values, max_size=3)
    made = {
        "=": lambda: column == draw(values),
        "!=": lambda: column != draw(values),
        "<": lambda: column < draw(values),
        "<=": lambda: column <= draw(values),
        ">": lambda: column > draw(values),
        ">=": lambda: column >= draw(values),
        "between": lambda: column.between(draw(values), draw(values)),
        "in": lambda: column.is_in(draw(several)),
        "one": lambda: column.contains(draw(values)),
        "any": lambda: column.contains_any(draw(several)),
        "all": lambda: column.contains_all(draw(several)),
        "prefix": lambda: column.starts_with(draw(st.sampled_from(TEXTS))),
        "null": column.is_null,
    }
    return made[kind]()


def trees(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    """And, or, not of conditions, three deep and more."""
    return st.recursive(
        parts | st.sampled_from([everything(), nothing()]),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4).map(lambda some: all_of(*some)),
            st.lists(inner, max_size=4).map(lambda some: any_of(*some)),
            inner.map(lambda part: ~part),
        ),
        max_leaves=6,
    )


_ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_NAMES = st.sampled_from(
    ["year", "Year", "mine", "select", "my col", 'q"uote', "a.b", "date", "日本"]
) | _ANY_TEXT.filter(bool)
_NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_ANY_VALUE = st.one_of(
    _NUMBERS, _ANY_TEXT, st.booleans(), st.dates(), st.datetimes(), st.datetimes(timezones=st.just(datetime.UTC))
)
_MINE = st.builds(lambda name, shift: mine(name) + shift, _NAMES, _NUMBERS | st.timedeltas())
_OPERAND = _ANY_VALUE | _MINE
_SEVERAL = st.lists(_ANY_VALUE, max_size=4) | _NAMES.map(mine)

any_conditions: st.SearchStrategy[Expression] = st.one_of(
    st.builds(lambda name, value: col(name) == value, _NAMES, _OPERAND),
    st.builds(lambda name, value: col(name) != value, _NAMES, _OPERAND),
    st.builds(lambda name, value: col(name) < value, _NAMES, _OPERAND),
    st.builds(lambda name, value: col(name) >= value, _NAMES, _OPERAND),
    st.builds(lambda name, low, high: col(name).between(low, high), _NAMES, _OPERAND, _OPERAND),
    st.builds(lambda name, values: col(name).is_in(values), _NAMES, _SEVERAL),
    st.builds(lambda name, value: col(name).contains(value), _NAMES, _OPERAND),
    st.builds(lambda name, values: col(name).contains_any(values), _NAMES, _SEVERAL),
    st.builds(lambda name, values: col(name).contains_all(values), _NAMES, _SEVERAL),
    st.builds(lambda name, prefix: col(name).starts_with(prefix), _NAMES, _ANY_TEXT),
    st.builds(lambda name: col(name).is_null(), _NAMES),
)


_OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def passing_rows(expressions: Sequence[Expression], table: pa.Table) -> list[list[int]]:
    """For each filter the rows that pass, each row by itself."""
    cells = list(enumerate(table.to_pylist()))
    checked = [check(expression, table.schema) for expression in expressions]
    return [[row for row, values in cells if _passes(expression, values)] for expression in checked]


def _passes(expression: Expression, cells: dict[str, Any]) -> bool:
    match expression:
        case And(parts):
            return all(_passes(part, cells) for part in parts)
        case Or(parts):
            return any(_passes(part, cells) for part in parts)
        case Not(part):
            return not _passes(part, cells)
        case Constant(passes):
            return passes
    assert isinstance(expression, Compare | Between | In | Contains | StartsWith | IsNull)
    cell = cells[expression.column]
    known = cell is not None and cell == cell
    if isinstance(expression, IsNull) or not known:
        return isinstance(expression, IsNull) and not known
    rounded = (
        (lambda x: float(np.float32(x)) if abs(x) < 1e38 else x) if expression.column == "single" else (lambda x: x)
    )
    match expression:
        case Compare(_, sign, value):
            return bool(_OPERATORS[sign](cell, rounded(value)))
        case Between(_, low, high):
            return bool(rounded(low) <= cell <= rounded(high))
        case In(_, values):
            return any(cell == rounded(value) for value in values)
        case Contains(_, how, values):
            found = [value in [element for element in cell if element is not None] for value in values]
            return any(found) if how == "any" else all(found)
        case StartsWith(_, prefix):
            return str(cell).startswith(prefix)
    raise AssertionError(expression)
