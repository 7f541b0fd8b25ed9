"""A filter held against the columns there are: their names, and what their values can be compared with."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import pyarrow as pa

from kinfolk.data.names import require_columns
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.filters.expression import (
    And,
    Between,
    Compare,
    Condition,
    Constant,
    Contains,
    Expression,
    In,
    IsNull,
    Not,
    Or,
    StartsWith,
    all_of,
    any_of,
)
from kinfolk.search.filters.values import Mine, Value

KindName: TypeAlias = Literal["integer", "number", "text", "bool", "date", "timestamp", "unknown"]

_NEEDED = {
    "integer": "a number",
    "number": "a number",
    "text": "a text",
    "bool": "True or False",
    "date": "a date, or a text such as '1950-12-31'",
    "timestamp": "a datetime or a date, or a text such as '1950-12-31 23:59:59'",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What the values of a column are to a filter.

    Attributes:
        name: of the values, or of the elements of lists; ``unknown`` where the whole column is null.
        is_list: whether the column holds lists.
        zone: whether timestamps have a time zone.
    """

    name: KindName
    is_list: bool = False
    zone: bool = False


def kinds_of(schema: pa.Schema) -> dict[str, Kind]:
    """The kind of each column.

    Raises:
        DataError: a column of a type that filters cannot use, or two columns of one name.
    """
    kinds: dict[str, Kind] = {}
    for field in schema:
        if field.name in kinds:
            raise DataError(f"Attributes need columns of different names. '{field.name}' came twice. Rename one.")
        kinds[field.name] = _kind(field.name, field.type)
    return kinds


def check(expression: Expression, schema: pa.Schema) -> Expression:
    """Hold a filter against a schema.

    Args:
        expression: the filter, without ``mine``; ``bind`` comes first.
        schema: of the table whose rows are to pass.

    Returns:
        The filter with each constant as its column needs it: texts that stand for dates are dates, and beside timestamps a
        date is its midnight, in UTC where they have a time zone.

    Raises:
        ConfigurationError: a column that is not there, with the closest name; a value that the column cannot be compared
            with; a condition on lists where there are none, or the other way round.
        DataError: a column of a type that filters cannot use.
    """
    return check_kinds(expression, kinds_of(schema))


def check_kinds(expression: Expression, kinds: Mapping[str, Kind]) -> Expression:
    """As ``check``, by the kinds of the columns."""
    match expression:
        case And(parts) | Or(parts):
            checked = [check_kinds(part, kinds) for part in parts]
            if all(map(operator.is_, checked, parts)):  # nothing to change, and microseconds count
                return expression
            return all_of(*checked) if isinstance(expression, And) else any_of(*checked)
        case Not(part):
            return ~check_kinds(part, kinds)
        case Constant():
            return expression
    if not isinstance(expression, Condition):
        raise ConfigurationError(f"A filter is made by col(...) or from_sql(...). Got {expression!r}.")
    kind = kinds.get(expression.column)
    if kind is None:
        require_columns([expression.column], list(kinds), "The table that is filtered")
        raise AssertionError("require_columns names what is absent")
    if isinstance(expression, IsNull):
        return expression
    if kind.is_list != isinstance(expression, Contains):
        name = expression.column
        raise ConfigurationError(
            f"Column '{name}' holds lists. Got {expression!r}. Lists are asked with col('{name}').contains(value), .contains_any(values), "
            ".contains_all(values) or .is_null()."
            if kind.is_list
            else f"Column '{name}' holds no lists. Got {expression!r}. Compare its value, or use .is_in(values)."
        )
    match expression:
        case Compare(_, _, value):
            typed = _typed(value, kind, expression)
            return expression if typed is value else replace(expression, value=typed)
        case Between(_, low, high):
            lowest, highest = _typed(low, kind, expression), _typed(high, kind, expression)
            return expression if lowest is low and highest is high else replace(expression, low=lowest, high=highest)
        case In(_, values) | Contains(_, _, values):
            if isinstance(values, Mine):
                raise _unbound(expression)
            several = tuple(_typed(value, kind, expression) for value in values)
            return expression if all(map(operator.is_, several, values)) else replace(expression, values=several)
        case StartsWith() if kind.name not in ("text", "unknown"):
            raise ConfigurationError(
                f"Only texts can start with a text. Got {expression!r} on a column of {kind.name}s."
            )
    return expression


def _typed(value: Value | Mine, kind: Kind, condition: Expression) -> Value:
    """The constant as the column needs it."""
    if isinstance(value, Mine):
        raise _unbound(condition)
    name = kind.name
    if name == "unknown" or (name == "text" and isinstance(value, str)):
        return value
    if name in ("integer", "number"):
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    elif name == "bool":
        fits = isinstance(value, bool)
    elif name == "text":
        fits = False
    else:
        if isinstance(value, str):
            value = _from_iso(value, name, condition)
        if name == "timestamp" and isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            value = datetime.datetime.combine(value, datetime.time(), tzinfo=datetime.UTC if kind.zone else None)
        is_time = isinstance(value, datetime.datetime)
        fits = isinstance(value, datetime.date) and (name == "timestamp") == is_time
        if isinstance(value, datetime.datetime) and name == "timestamp" and kind.zone != (value.tzinfo is not None):
            raise ConfigurationError(
                f"{condition!r} compares a time without a time zone with one that has one: the column "
                f"{'has' if kind.zone else 'has none'}. Give a datetime {'with' if kind.zone else 'without'} tzinfo."
            )
    if not fits:
        raise ConfigurationError(
            f"{condition!r} needs {_NEEDED[name]}: the column holds {name}s. Got {value!r} ({type(value).__name__})."
        )
    return value


def _from_iso(text: str, name: str, condition: Expression) -> datetime.date | datetime.datetime:
    try:
        if name == "date" or len(text) <= len("1950-12-31"):
            return datetime.date.fromisoformat(text)
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{condition!r} needs {_NEEDED[name]}. Got {text!r}.") from None
    return moment.astimezone(datetime.UTC) if moment.tzinfo is not None else moment


def _unbound(condition: Expression) -> ConfigurationError:
    return ConfigurationError(
        f"{condition!r} speaks of the query's own attribute. Put its value there first: bind(expression, attributes)."
    )


def _kind(name: str, kind: pa.DataType) -> Kind:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = _kind(name, kind.value_type)
        if not inner.is_list:
            return replace(inner, is_list=True)
    elif pa.types.is_dictionary(kind):
        return _kind(name, kind.value_type)
    elif pa.types.is_integer(kind):
        return Kind("integer")
    elif pa.types.is_floating(kind):
        return Kind("number")
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return Kind("text")
    elif pa.types.is_boolean(kind):
        return Kind("bool")
    elif pa.types.is_date(kind):
        return Kind("date")
    elif pa.types.is_timestamp(kind):
        return Kind("timestamp", zone=kind.tz is not None)
    elif pa.types.is_null(kind):
        return Kind("unknown")
    raise DataError(
        f"Column '{name}' is of the type {kind}, which filters cannot use. Attributes are whole numbers, floating-point "
        "numbers, texts, dates, timestamps, true and false, or lists of these. Leave the column out, or cast it."
    )
