"""A filter out of the text of a SQL condition, read by sqlglot; nothing of the text is ever executed."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from kinfolk.errors import ConfigurationError, MissingExtraError
from kinfolk.search.filters.column import Column, col
from kinfolk.search.filters.expression import EVERYTHING, NOTHING, Expression, all_of, any_of
from kinfolk.search.filters.values import Mine, Value, mine

if TYPE_CHECKING:
    from sqlglot import exp

    Node: TypeAlias = exp.Expression

_ALLOWED = (
    "Allowed are = <> < <= > >=, BETWEEN, IN, 'value' IN column_of_lists, CONTAINS_ANY(column, 'a', 'b'), CONTAINS_ALL, "
    "LIKE 'start%', IS NULL, AND, OR, NOT, TRUE, FALSE, and mine.name for an attribute of the query."
)
_UNITS = {"MICROSECOND": "microseconds", "SECOND": "seconds", "MINUTE": "minutes", "HOUR": "hours", "DAY": "days"}
_LONGEST = 100_000


@lru_cache(maxsize=1024)
def from_sql(text: str) -> Expression:
    """Read a filter such as ``year BETWEEN 1950 AND 1960 AND 'steel' IN tags AND NOT source = 'B'``.

    NOT passes every row that its part does not pass, those with nulls among them, unlike SQL's. Names of columns stand bare
    or in double quotes, texts in single ones; a date is a text such as ``'1950-12-31'``, or ``DATE '1950-12-31'``.

    Raises:
        ConfigurationError: the text is no condition, or a part of it is none that filters have; the message shows the part.
        MissingExtraError: sqlglot is not installed.
    """
    try:
        import sqlglot
        from sqlglot import exp
        from sqlglot.errors import SqlglotError
    except ImportError as error:
        raise MissingExtraError("A filter written as SQL", "search") from error
    if not isinstance(text, str) or not text.strip():
        raise ConfigurationError(f"A filter is a condition such as \"year > 1950 AND source = 'B'\". Got {text!r}.")
    if len(text) > _LONGEST:
        raise ConfigurationError(
            f"A filter has at most {_LONGEST:,} characters of SQL. Got {len(text):,}. Write it in Python: col('id').is_in(ids)."
        )
    try:
        return _condition(sqlglot.parse_one(text, into=exp.Condition))
    except SqlglotError as error:
        raise ConfigurationError(f"{_shown(text)} cannot be read as a filter{_place(error)}. {_ALLOWED}") from error
    except RecursionError as error:
        raise ConfigurationError(
            f"{_shown(text)} has too many brackets within brackets. Use fewer, or IN for many values."
        ) from error


def _condition(node: Node) -> Expression:
    from sqlglot import exp

    match node:
        case exp.Paren():
            return _condition(_only(node, "this").this)
        case exp.And():
            return all_of(*(_condition(part) for part in _chain(node, exp.And)))
        case exp.Or():
            return any_of(*(_condition(part) for part in _chain(node, exp.Or)))
        case exp.Not():
            return ~_condition(_only(node, "this").this)
        case exp.Boolean():
            return EVERYTHING if node.this else NOTHING
        case exp.Column():
            return _column(node) == True  # noqa: E712 - a filter, not a truth value
        case exp.EQ() | exp.NEQ() | exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
            return _comparison(_only(node, "this", "expression"))
        case exp.Between():
            _only(node, "this", "low", "high")
            return _column(node.this).between(_value(node.args["low"]), _value(node.args["high"]))
        case exp.In():
            return _in(node)
        case exp.Is():
            if not isinstance(node.expression, exp.Null):
                raise _refused(node)
            return _column(_only(node, "this", "expression").this).is_null()
        case exp.Like() | exp.Escape():
            return _like(node)
        case exp.Anonymous() if str(node.this).upper() in ("CONTAINS_ANY", "CONTAINS_ALL"):
            return _contains(node)
    raise _refused(node)


def _comparison(node: Node) -> Expression:
    """A column beside a value, on either side."""
    from sqlglot import exp

    order: dict[type[Node], tuple[Callable[[Column, Any], Expression], Callable[[Column, Any], Expression]]] = {
        exp.EQ: (Column.__eq__, Column.__eq__),
        exp.NEQ: (Column.__ne__, Column.__ne__),
        exp.LT: (Column.__lt__, Column.__gt__),
        exp.LTE: (Column.__le__, Column.__ge__),
        exp.GT: (Column.__gt__, Column.__lt__),
        exp.GTE: (Column.__ge__, Column.__le__),
    }
    compare, compare_turned = order[type(node)]
    if _is_column(node.this):
        return compare(_column(node.this), _value(node.expression))
    if _is_column(node.expression):
        return compare_turned(_column(node.expression), _value(node.this))
    raise _refused(node)


def _in(node: Node) -> Expression:
    """``column IN ('a', 'b')``, ``column IN mine.list``, or ``'a' IN column_of_lists``."""
    field = _only(node, "this", "expressions", "field").args.get("field")
    if field is None:
        return _column(node.this).is_in(_plain(part) for part in node.expressions)
    if _is_column(field):
        return _column(field).contains(_value(node.this))
    listed = _value(field)
    if not isinstance(listed, Mine):
        raise _refused(node)
    return _column(node.this).is_in(listed)


def _contains(node: Node) -> Expression:
    first, *rest = node.expressions or [node]
    column, how = _column(first), str(_only(node, "this", "expressions").this).upper()
    if not rest:
        raise _refused(node)
    values = _value(rest[0]) if len(rest) == 1 else None
    several = values if isinstance(values, Mine) else [_plain(part) for part in rest]
    return column.contains_any(several) if how == "CONTAINS_ANY" else column.contains_all(several)


def _like(node: Node) -> Expression:
    """``LIKE 'start%'``; the sign that ESCAPE names takes its meaning from % and _."""
    from sqlglot import exp

    like, escape = node, ""
    if isinstance(node, exp.Escape):
        like, escape = _only(node, "this", "expression").this, node.expression.name
    if not isinstance(like, exp.Like) or not _is_text(like.expression) or (escape and len(escape) != 1):
        raise _refused(node)
    column, pattern = _column(_only(like, "this", "expression", "negate").this), like.expression.name
    prefix, open_end, signs = "", False, iter(pattern)
    for sign in signs:
        if open_end or (sign == "_" != escape):
            raise _refused(node)
        if sign == escape:
            prefix += next(signs, "")
        elif sign == "%":
            open_end = True
        else:
            prefix += sign
    condition = column.starts_with(prefix) if open_end else column == prefix
    return ~condition if like.args.get("negate") else condition


def _value(node: Node) -> Value | Mine:
    """A constant, or an attribute of the query with or without something added."""
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return _value(_only(node, "this").this)
    if isinstance(node, exp.Column) and node.table == "mine":
        _only(node, "this", "table")
        return mine(node.name)
    if isinstance(node, exp.Add | exp.Sub):
        whose = _value(_only(node, "this", "expression").this)
        if not isinstance(whose, Mine):
            raise _refused(node)
        shift = _interval(node.expression) if isinstance(node.expression, exp.Interval) else _number(node.expression)
        return whose + shift if isinstance(node, exp.Add) else whose - shift
    return _plain(node)


def _plain(node: Node) -> Value:
    from sqlglot import exp

    match node:
        case exp.Paren():
            return _plain(_only(node, "this").this)
        case exp.Boolean():
            return bool(node.this)
        case exp.Null():
            raise ConfigurationError(
                f"A comparison with NULL never passes: {_shown(_sql(node.parent or node))}. Write IS NULL or IS NOT NULL."
            )
        case exp.Cast() if _is_text(node.this):
            return _moment(node)
        case exp.Literal() if node.is_string:
            return str(node.this)
        case exp.Literal() | exp.Neg():
            return _number(node)
    raise _refused(node)


def _number(node: Node) -> int | float:
    from sqlglot import exp

    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return -_number(node.this)
    if not isinstance(node, exp.Literal) or node.is_string:
        raise _refused(node)
    text = str(node.this)
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        raise _refused(node) from None


def _moment(node: Node) -> datetime.date | datetime.datetime:
    """``DATE '1950-12-31'`` or ``TIMESTAMP '1950-12-31 23:59:59'``."""
    text, kind = node.this.name, node.args["to"].sql().upper()
    try:
        if kind == "DATE":
            return datetime.date.fromisoformat(text)
        if kind in ("TIMESTAMP", "TIMESTAMPTZ", "DATETIME"):
            return datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"A date is written YYYY-MM-DD, a time YYYY-MM-DD HH:MM:SS. Got {_shown(text)}."
        ) from None
    raise _refused(node)


def _interval(node: Node) -> datetime.timedelta:
    unit = node.args.get("unit")
    name = _UNITS.get(str(unit.name).upper().removesuffix("S") if unit is not None else "")
    amount = node.this.name if node.this is not None else ""
    try:
        return datetime.timedelta(**{str(name): int(amount) if amount.lstrip("-").isdigit() else float(amount)})
    except (TypeError, ValueError, OverflowError):
        raise ConfigurationError(
            f"An interval is written INTERVAL '30' DAY, with {', '.join(_UNITS)}. Got {_shown(_sql(node))}."
        ) from None


def _column(node: Node) -> Column:
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return _column(_only(node, "this").this)
    if not _is_column(node):
        raise ConfigurationError(f"A column was expected in a filter. Got {_shown(_sql(node))}. {_ALLOWED}")
    return col(_only(node, "this").name)


def _is_column(node: Node) -> bool:
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return _is_column(node.this)
    if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier):
        return False
    if node.table and (node.table != "mine" or node.args.get("db")):
        raise ConfigurationError(
            f"A filter knows the columns of one table, and mine.name for an attribute of the query. Got {_shown(_sql(node))}. "
            'A name with a dot in it stands in double quotes: "a.b".'
        )
    return not node.table


def _is_text(node: Node | None) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.Literal) and node.is_string


def _chain(node: Node, kind: type[Node]) -> list[Node]:
    """The parts of ``a AND b AND c``, which sqlglot nests to the left; a long one must not nest our calls as well."""
    parts: list[Node] = []
    while type(node) is kind:
        parts.append(_only(node, "this", "expression").expression)
        node = node.this
    return [node, *reversed(parts)]


def _only(node: Node, *known: str) -> Node:
    """The node, if it has no part that we would overlook: SYMMETRIC, a subquery, a schema."""
    if any(value for name, value in node.args.items() if name not in known):
        raise _refused(node)
    return node


def _refused(node: Node) -> ConfigurationError:
    return ConfigurationError(f"{_shown(_sql(node))} is not possible in a filter. {_ALLOWED}")


def _sql(node: Node) -> str:
    return str(node.sql(comments=False))


def _shown(text: str) -> str:
    return f"`{text if len(text) <= 80 else text[:77] + '…'}`"


def _place(error: Exception) -> str:
    """Where sqlglot stopped."""
    found: list[dict[str, Any]] = getattr(error, "errors", [])
    return f", from {_shown(str(found[0]['highlight']))} in column {found[0]['col']} on" if found else ""
