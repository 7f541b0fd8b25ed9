"""A filter out of the text of a SQL condition, read by sqlglot; nothing of the text is ever executed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from kinfolk.errors import ConfigurationError, MissingExtraError
from kinfolk.search.filters.column import Column, col
from kinfolk.search.filters.expression import EVERYTHING, NOTHING, Expression, all_of, any_of
from kinfolk.search.filters.sql_values import ALLOWED, constant_of, is_text, only, refused, shown, sql_of, value_of
from kinfolk.search.filters.values import Mine

if TYPE_CHECKING:
    from sqlglot import exp

    Node: TypeAlias = exp.Expression

_LONGEST = 100_000


def from_sql(text: str) -> Expression:
    """Read a filter such as ``year BETWEEN 1950 AND 1960 AND 'steel' IN tags AND NOT source = 'B'``.

    NOT passes every row that its part does not pass, those with nulls among them, unlike SQL's. Names of columns stand bare
    or in double quotes, texts in single ones; a date is a text such as ``'1950-12-31'``, or ``DATE '1950-12-31'``.

    Raises:
        ConfigurationError: the text is no condition, or a part of it is none that filters have; the message shows the part.
        MissingExtraError: sqlglot is not installed.
    """
    return _read(_checked(text))


def _checked(text: object) -> str:
    if not isinstance(text, str) or not text.strip():
        raise ConfigurationError(f"A filter is a condition such as \"year > 1950 AND source = 'B'\". Got {text!r}.")
    if len(text) > _LONGEST:
        raise ConfigurationError(
            f"A filter has at most {_LONGEST:,} characters of SQL. Got {len(text):,}. Write it in Python: col('id').is_in(ids)."
        )
    return str(text)


@lru_cache(maxsize=1024)
def _read(text: str) -> Expression:
    try:
        import sqlglot
        from sqlglot import exp
        from sqlglot.errors import SqlglotError
    except ImportError as error:
        raise MissingExtraError("A filter written as SQL", "search") from error
    try:
        return _condition(sqlglot.parse_one(text, into=exp.Condition))
    except SqlglotError as error:
        raise ConfigurationError(f"{shown(text)} cannot be read as a filter{_place(error)}. {ALLOWED}") from error
    except RecursionError as error:
        raise ConfigurationError(
            f"{shown(text)} has too many brackets within brackets. Use fewer, or IN for many values."
        ) from error


def _condition(node: Node) -> Expression:
    from sqlglot import exp

    match node:
        case exp.Paren():
            return _condition(only(node, "this").this)
        case exp.And():
            return all_of(*(_condition(part) for part in _chain(node, exp.And)))
        case exp.Or():
            return any_of(*(_condition(part) for part in _chain(node, exp.Or)))
        case exp.Not():
            return ~_condition(only(node, "this").this)
        case exp.Boolean():
            return EVERYTHING if node.this else NOTHING
        case exp.Column():
            return _column(node) == True  # noqa: E712 - a filter, not a truth value
        case exp.EQ() | exp.NEQ() | exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
            return _comparison(only(node, "this", "expression"))
        case exp.Between():
            only(node, "this", "low", "high")
            return _column(node.this).between(value_of(node.args["low"]), value_of(node.args["high"]))
        case exp.In():
            return _in(node)
        case exp.Is():
            if not isinstance(node.expression, exp.Null):
                raise refused(node)
            return _column(only(node, "this", "expression").this).is_null()
        case exp.Like() | exp.Escape():
            return _like(node)
        case exp.Anonymous() if str(node.this).upper() in ("CONTAINS_ANY", "CONTAINS_ALL"):
            return _contains(node)
    raise refused(node)


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
    if type(node) not in order:
        raise refused(node)
    compare, compare_turned = order[type(node)]
    if _is_column(node.this):
        return compare(_column(node.this), value_of(node.expression))
    if _is_column(node.expression):
        return compare_turned(_column(node.expression), value_of(node.this))
    raise refused(node)


def _in(node: Node) -> Expression:
    """``column IN ('a', 'b')``, ``column IN mine.list``, or ``'a' IN column_of_lists``."""
    field = only(node, "this", "expressions", "field").args.get("field")
    if field is None:
        return _column(node.this).is_in(constant_of(part) for part in node.expressions)
    if _is_column(field):
        return _column(field).contains(value_of(node.this))
    listed = value_of(field)
    if not isinstance(listed, Mine):
        raise refused(node)
    return _column(node.this).is_in(listed)


def _contains(node: Node) -> Expression:
    first, *rest = node.expressions or [node]
    column, how = _column(first), str(only(node, "this", "expressions").this).upper()
    if not rest:
        raise refused(node)
    values = value_of(rest[0]) if len(rest) == 1 else None
    several = values if isinstance(values, Mine) else [constant_of(part) for part in rest]
    return column.contains_any(several) if how == "CONTAINS_ANY" else column.contains_all(several)


def _like(node: Node) -> Expression:
    """``LIKE 'start%'``; the sign that ESCAPE names takes its meaning from % and _."""
    from sqlglot import exp

    like, escape = node, ""
    if isinstance(node, exp.Escape):
        like, escape = only(node, "this", "expression").this, node.expression.name
        if not is_text(node.expression) or len(escape) != 1:
            raise refused(node)
    if not isinstance(like, exp.Like) or not is_text(like.expression):
        raise refused(node)
    column, pattern = _column(only(like, "this", "expression", "negate").this), like.expression.name
    prefix, open_end, signs = "", False, iter(pattern)
    for sign in signs:
        if sign == escape:
            sign = next(signs, "")
            if open_end or not sign:
                raise refused(node)
            prefix += sign
        elif open_end or sign == "_":
            raise refused(node)
        elif sign == "%":
            open_end = True
        else:
            prefix += sign
    condition = column.starts_with(prefix) if open_end else column == prefix
    return ~condition if like.args.get("negate") else condition


def _column(node: Node) -> Column:
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return _column(only(node, "this").this)
    if not _is_column(node):
        raise ConfigurationError(f"A column was expected in a filter. Got {shown(sql_of(node))}. {ALLOWED}")
    return col(only(node, "this").name)


def _is_column(node: Node) -> bool:
    from sqlglot import exp

    if isinstance(node, exp.Paren):
        return _is_column(node.this)
    if not isinstance(node, exp.Column) or not isinstance(node.this, exp.Identifier):
        return False
    if node.table and (node.table != "mine" or node.args.get("db")):
        raise ConfigurationError(
            f"A filter knows the columns of one table, and mine.name for an attribute of the query. Got {shown(sql_of(node))}. "
            'A name with a dot in it stands in double quotes: "a.b".'
        )
    return not node.table


def _chain(node: Node, kind: type[Node]) -> list[Node]:
    """The parts of ``a AND b AND c``, which sqlglot nests to the left; a long one must not nest our calls as well."""
    parts: list[Node] = []
    while type(node) is kind:
        parts.append(only(node, "this", "expression").expression)
        node = node.this
    return [node, *reversed(parts)]


def _place(error: Exception) -> str:
    """Where sqlglot stopped."""
    found: list[dict[str, Any]] = getattr(error, "errors", [])
    return f", from {shown(str(found[0]['highlight']))} in column {found[0]['col']} on" if found else ""
