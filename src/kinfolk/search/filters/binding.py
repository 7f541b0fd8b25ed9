"""Conditions that speak of the query's own attributes, made plain: one filter a query, and the queries that share one."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.data.names import require_columns
from kinfolk.errors import ConfigurationError
from kinfolk.search.filters.column import col
from kinfolk.search.filters.expression import (
    NOTHING,
    And,
    Between,
    Compare,
    Contains,
    Expression,
    In,
    Not,
    Or,
    all_of,
    any_of,
    leaves,
)
from kinfolk.search.filters.values import Mine, Value, constant


def bind(expression: Expression, attributes: Mapping[str, object]) -> Expression:
    """Put a query's attributes where a filter says ``mine``.

    Args:
        expression: the filter.
        attributes: the query's values by name; None or NaN where one is missing. A condition that speaks of a missing value
            passes no row, as a comparison with null never does.

    Returns:
        A filter without ``mine``; the same one where there was none.

    Raises:
        ConfigurationError: an attribute that the query does not have, or of a type that the condition cannot use.
    """
    match expression:
        case And(parts):
            return all_of(*(bind(part, attributes) for part in parts))
        case Or(parts):
            return any_of(*(bind(part, attributes) for part in parts))
        case Not(part):
            return ~bind(part, attributes)
        case Compare(_, _, Mine() as whose):
            value = _value(whose, attributes)
            return NOTHING if value is None else replace(expression, value=value)
        case Between(_, low, high):
            lowest = _value(low, attributes) if isinstance(low, Mine) else low
            highest = _value(high, attributes) if isinstance(high, Mine) else high
            return NOTHING if lowest is None or highest is None else replace(expression, low=lowest, high=highest)
        case In(column, Mine() as whose):
            several = _list(whose, attributes)
            return NOTHING if several is None else col(column).is_in(several)
        case Contains(column, "one", Mine() as whose):
            value = _value(whose, attributes)
            return NOTHING if value is None else col(column).contains(value)
        case Contains(column, how, Mine() as whose):
            several = _list(whose, attributes)
            if several is None:
                return NOTHING
            return col(column).contains_any(several) if how == "any" else col(column).contains_all(several)
    return expression


def group_by_filter(expression: Expression, queries: pa.Table) -> list[tuple[Expression, npt.NDArray[np.int32]]]:
    """Bind a filter to each query and bring together the queries whose filters are then equal.

    Args:
        expression: the filter.
        queries: attributes of the queries, one row each.

    Returns:
        Pairs of a filter without ``mine`` and the rows that share it, int32, ascending; in the order of their first rows. Each
        row is in exactly one of them.

    Raises:
        ConfigurationError: as ``bind``.
    """
    if not len(queries):
        return []
    names = sorted(names_of_mine(expression))
    require_columns(names, queries.column_names, "The table of queries")
    rows_of: dict[tuple[object, ...], list[int]] = {}
    columns = [map(_hashable, queries.column(name).to_pylist()) for name in names]
    for row, key in enumerate(zip(*columns, strict=True) if columns else [()] * len(queries)):
        rows_of.setdefault(key, []).append(row)
    groups: dict[Expression, list[int]] = {}
    for key, rows in rows_of.items():
        groups.setdefault(bind(expression, dict(zip(names, key, strict=True))), []).extend(rows)
    found = [(bound, np.sort(np.array(rows, dtype=np.int32))) for bound, rows in groups.items()]
    return sorted(found, key=lambda group: int(group[1][0]))


def names_of_mine(expression: Expression) -> set[str]:
    """The attributes of the query that a filter speaks of."""
    operands: list[object] = []
    for leaf in leaves(expression):
        match leaf:
            case Compare(_, _, value):
                operands.append(value)
            case Between(_, low, high):
                operands += [low, high]
            case In(_, values) | Contains(_, _, values):
                operands.append(values)
    return {operand.name for operand in operands if isinstance(operand, Mine)}


def _own(whose: Mine, attributes: Mapping[str, object]) -> object:
    if whose.name not in attributes:
        require_columns([whose.name], list(attributes), "The query")
    value = attributes[whose.name]
    return None if _is_missing(value) else value


def _value(whose: Mine, attributes: Mapping[str, object]) -> Value | None:
    own = _own(whose, attributes)
    if own is None:
        return None
    value = constant(own)
    if not whose.shift:
        return value
    is_time = isinstance(whose.shift, datetime.timedelta)
    if isinstance(value, bool | str) or is_time != isinstance(value, datetime.date):
        raise ConfigurationError(
            f"{whose!r} adds {'a timedelta, which needs a date' if is_time else 'a number, which needs a number'}. "
            f"The query's {whose.name!r} is {value!r}."
        )
    try:
        return constant(value + whose.shift)  # type: ignore[operator]
    except OverflowError:
        raise ConfigurationError(f"{whose!r} leaves the calendar: the query's {whose.name!r} is {value!r}.") from None


def _list(whose: Mine, attributes: Mapping[str, object]) -> list[Value] | None:
    own = _own(whose, attributes)
    if own is None:
        return None
    if isinstance(own, str) or not isinstance(own, Iterable):
        raise ConfigurationError(f"{whose!r} stands where a list is needed. The query's {whose.name!r} is {own!r}.")
    return [constant(value) for value in own if not _is_missing(value)]


def _is_missing(value: object) -> bool:
    if isinstance(value, float | np.floating | datetime.datetime | np.datetime64):
        return bool(value != value)
    return value is None


def _hashable(value: object) -> object:
    """Equal for equal values; lists as tuples, and NaN, which equals nothing, as None."""
    if isinstance(value, list):
        return tuple(value)
    return None if _is_missing(value) else value
