"""A filter as the text of a SQL condition."""

from __future__ import annotations

import datetime
import re

from kinfolk.errors import ConfigurationError
from kinfolk.search.filters.expression import (
    And,
    Between,
    Compare,
    Constant,
    Contains,
    Expression,
    In,
    IsNull,
    Not,
    Or,
    StartsWith,
)
from kinfolk.search.filters.values import Mine, Value

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Words that are no names for sqlglot unless they are quoted.
_WORDS = """
    all alter and any as between call case connect_by_root create cross current_catalog current_date current_time
    current_timestamp current_user distinct drop else except execute explain false fetch for from glob grant
    having if ilike in inner insert intersect into join lateral like localtime localtimestamp mine min not notnull
    null on optimize or outer partitioned_by prepare qualify regexp rename returning revoke rlike rollback select
    session_user show straight_join tablesample then true uncache union using vacuum when where with xor
"""
RESERVED = frozenset(_WORDS.split())
_ESCAPE = r" ESCAPE '\'"


def to_sql(expression: Expression) -> str:
    """The text of an expression, which ``from_sql`` reads back to an equal one."""
    match expression:
        case Constant(passes):
            return "TRUE" if passes else "FALSE"
        case Compare(column, operator, value):
            return f"{_name(column)} {'<>' if operator == '!=' else operator} {_value(value)}"
        case Between(column, low, high):
            return f"{_name(column)} BETWEEN {_value(low)} AND {_value(high)}"
        case In(column, values):
            return f"{_name(column)} IN {_value(values) if isinstance(values, Mine) else f'({_several(values)})'}"
        case Contains(column, "one", values):
            return f"{_value(values) if isinstance(values, Mine) else _several(values)} IN {_name(column)}"
        case Contains(column, how, values):
            return f"CONTAINS_{how.upper()}({_name(column)}, {_several(values)})"
        case StartsWith(column, prefix):
            pattern = re.sub(r"([\\%_])", r"\\\1", prefix)
            return f"{_name(column)} LIKE {_text(pattern + '%')}{_ESCAPE if pattern != prefix else ''}"
        case IsNull(column):
            return f"{_name(column)} IS NULL"
        case Not(IsNull(column)):
            return f"{_name(column)} IS NOT NULL"
        case Not(part):
            return f"NOT {_bracketed(part)}"
        case And(parts):
            return " AND ".join(map(_bracketed, parts))
        case Or(parts):
            return " OR ".join(map(_bracketed, parts))
    raise ConfigurationError(f"{expression!r} is no filter that can be written as SQL.")


def _bracketed(part: Expression) -> str:
    return f"({to_sql(part)})" if isinstance(part, And | Or) else to_sql(part)


def _name(column: str) -> str:
    if _PLAIN.fullmatch(column) and column.lower() not in RESERVED:
        return column
    return '"' + column.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _several(values: tuple[Value, ...] | Mine) -> str:
    return _value(values) if isinstance(values, Mine) else ", ".join(map(_value, values))


def _value(value: Value | Mine) -> str:
    if isinstance(value, Mine):
        return f"mine.{_name(value.name)}{_shift(value)}"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, datetime.datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    return f"DATE '{value.isoformat()}'" if isinstance(value, datetime.date) else repr(value)


def _shift(value: Mine) -> str:
    if not value.shift:
        return ""
    if not isinstance(value.shift, datetime.timedelta):
        return f" {'-' if value.shift < 0 else '+'} {abs(value.shift)!r}"
    size = abs(value.shift)
    days, microseconds = size.days, size // datetime.timedelta(microseconds=1)
    interval = f"'{days}' DAY" if size == datetime.timedelta(days=days) else f"'{microseconds}' MICROSECOND"
    return f" {'-' if value.shift < datetime.timedelta() else '+'} INTERVAL {interval}"
