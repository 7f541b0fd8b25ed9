"""Values in the text of a SQL condition, and what is said of the parts that a filter cannot have."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, TypeAlias

from kinfolk.errors import ConfigurationError
from kinfolk.search.filters.values import Mine, Value, mine

if TYPE_CHECKING:
    from sqlglot import exp

    Node: TypeAlias = exp.Expression

ALLOWED = (
    "Allowed are = <> < <= > >=, BETWEEN, IN, 'value' IN column_of_lists, CONTAINS_ANY(column, 'a', 'b'), CONTAINS_ALL, "
    "LIKE 'start%', IS NULL, AND, OR, NOT, TRUE, FALSE, and mine.name for an attribute of the query."
)
_UNITS = {"MICROSECOND": "microseconds", "SECOND": "seconds", "MINUTE": "minutes", "HOUR": "hours", "DAY": "days"}


def value_of(node: Node) -> Value | Mine:
    """A constant, or an attribute of the query with or without something added."""
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return value_of(only(node, "this").this)
    if isinstance(node, exp.Column) and node.table == "mine":
        only(node, "this", "table")
        return mine(node.name)
    if isinstance(node, exp.Add | exp.Sub):
        whose = value_of(only(node, "this", "expression").this)
        if not isinstance(whose, Mine):
            raise refused(node)
        shift = _interval(node.expression) if isinstance(node.expression, exp.Interval) else _number(node.expression)
        return whose + shift if isinstance(node, exp.Add) else whose - shift
    return constant_of(node)


def constant_of(node: Node) -> Value:
    """A constant."""
    from sqlglot import exp

    match node:
        case exp.Paren():
            return constant_of(only(node, "this").this)
        case exp.Boolean():
            return bool(node.this)
        case exp.Null():
            raise ConfigurationError(
                f"A comparison with NULL never passes: {shown(sql_of(node.parent or node))}. Write IS NULL or IS NOT NULL."
            )
        case exp.Cast() if is_text(node.this):
            return _moment(node)
        case exp.Literal() if node.is_string:
            return str(node.this)
        case exp.Literal() | exp.Neg():
            return _number(node)
    raise refused(node)


def _number(node: Node) -> int | float:
    from sqlglot import exp

    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return -_number(node.this)
    if not isinstance(node, exp.Literal) or node.is_string:
        raise refused(node)
    text = str(node.this)
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        raise refused(node) from None


def _moment(node: Node) -> datetime.date | datetime.datetime:
    """``DATE '1950-12-31'`` or ``TIMESTAMP '1950-12-31 23:59:59'``."""
    text, kind = node.this.name, only(node, "this", "to").args["to"].sql().upper()
    try:
        if kind == "DATE":
            return datetime.date.fromisoformat(text)
        if kind in ("TIMESTAMP", "TIMESTAMPTZ", "DATETIME"):
            return datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"A date is written YYYY-MM-DD, a time YYYY-MM-DD HH:MM:SS. Got {shown(text)}."
        ) from None
    raise refused(node)


def _interval(node: Node) -> datetime.timedelta:
    from sqlglot import exp

    unit = node.args.get("unit")
    name = _UNITS.get(str(unit.name).upper().removesuffix("S") if unit is not None else "")
    amount = node.this.name if isinstance(node.this, exp.Literal) else ""
    try:
        return datetime.timedelta(**{str(name): int(amount) if amount.lstrip("-").isdigit() else float(amount)})
    except (TypeError, ValueError, OverflowError):
        raise ConfigurationError(
            f"An interval is written INTERVAL '30' DAY, with {', '.join(_UNITS)}. Got {shown(sql_of(node))}."
        ) from None


def is_text(node: Node | None) -> bool:
    """Whether a part is a text in single quotes."""
    from sqlglot import exp

    return isinstance(node, exp.Literal) and node.is_string


def only(node: Node, *known: str) -> Node:
    """The node, if it has no part that we would overlook: SYMMETRIC, a subquery, a schema."""
    if any(value for name, value in node.args.items() if name not in known):
        raise refused(node)
    return node


def refused(node: Node) -> ConfigurationError:
    """What is said of a part that a filter cannot have."""
    return ConfigurationError(f"{shown(sql_of(node))} is not possible in a filter. {ALLOWED}")


def sql_of(node: Node) -> str:
    """The text of a part."""
    return str(node.sql(comments=False))


def shown(text: str) -> str:
    """A text as it stands in a message."""
    return f"`{text if len(text) <= 80 else text[:77] + '…'}`"
