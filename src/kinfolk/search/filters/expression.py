"""A filter as a tree of conditions on columns: immutable, hashable, and readable as the Python that makes it.

What passes is decided row by row, with two outcomes and no third:

- a comparison, ``between``, ``is_in``, ``contains…`` or ``starts_with`` passes no row whose value is null (or NaN, which is
  the null of numbers). That includes ``!=``: a row without a source is not known to be of another source;
- ``~`` passes exactly the rows that its part does not pass, so ``~(col("source") == "B")`` passes the rows without a source
  and ``col("source") != "B"`` does not.

SQL has a third outcome, unknown, which NOT leaves unknown; here NOT is the complement among all rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias

from kinfolk.errors import ConfigurationError
from kinfolk.search.filters.values import Mine, Value

Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]


class Expression:
    """A condition on the columns of a row. Combine with ``&``, ``|`` and ``~``; two that read the same are equal."""

    __slots__ = ()

    def __and__(self, other: Expression) -> Expression:
        return all_of(self, other)

    def __or__(self, other: Expression) -> Expression:
        return any_of(self, other)

    def __invert__(self) -> Expression:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise ConfigurationError(
            f"A filter is neither true nor false before it meets a row: {self!r}. Combine filters with & | ~ and parentheses in "
            "place of 'and', 'or', 'not', and write a range as .between(low, high)."
        )

    # What reads the same is the same: 1, 1.0 and True are equal in Python and not to a filter.
    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def to_sql(self) -> str:
        """The expression as text that ``from_sql`` reads back to an equal one."""
        from kinfolk.search.filters.to_sql import to_sql

        return to_sql(self)


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Constant(Expression):
    """Passes every row, or none."""

    passes: bool

    def __invert__(self) -> Expression:
        return NOTHING if self.passes else EVERYTHING

    def __repr__(self) -> str:
        return "everything()" if self.passes else "nothing()"


EVERYTHING = Constant(True)
NOTHING = Constant(False)


def everything() -> Expression:
    """The filter that every row passes."""
    return EVERYTHING


def nothing() -> Expression:
    """The filter that no row passes."""
    return NOTHING


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Compare(Expression):
    """``column operator value``."""

    column: str
    operator: Operator
    value: Value | Mine

    def __repr__(self) -> str:
        return f"col({self.column!r}) {'==' if self.operator == '=' else self.operator} {self.value!r}"


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Between(Expression):
    """``low <= column <= high``."""

    column: str
    low: Value | Mine
    high: Value | Mine

    def __repr__(self) -> str:
        return f"col({self.column!r}).between({self.low!r}, {self.high!r})"


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class In(Expression):
    """The column has one of several values: at least two, as ``constants`` orders them, or a list that the query has."""

    column: str
    values: tuple[Value, ...] | Mine

    def __repr__(self) -> str:
        return f"col({self.column!r}).is_in({_several(self.values)})"


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Contains(Expression):
    """The list in the column contains one value, or any or every one of several.

    Attributes:
        column: a column of lists.
        how: with ``one`` the values are a single one, otherwise at least two, or a list that the query has.
        values: as ``constants`` orders them.
    """

    column: str
    how: Literal["one", "any", "all"]
    values: tuple[Value, ...] | Mine

    def __repr__(self) -> str:
        if self.how == "one":
            value = self.values if isinstance(self.values, Mine) else self.values[0]
            return f"col({self.column!r}).contains({value!r})"
        return f"col({self.column!r}).contains_{self.how}({_several(self.values)})"


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class StartsWith(Expression):
    """The text in the column starts with this, letter by letter."""

    column: str
    prefix: str

    def __repr__(self) -> str:
        return f"col({self.column!r}).starts_with({self.prefix!r})"


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class IsNull(Expression):
    """The column has no value: null, or NaN. An empty list is a value."""

    column: str

    def __repr__(self) -> str:
        return f"col({self.column!r}).is_null()"


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class And(Expression):
    """All of at least two parts, none of them an ``And`` itself."""

    parts: tuple[Expression, ...]

    def __repr__(self) -> str:
        return " & ".join(_bracketed(part) for part in self.parts)


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Or(Expression):
    """At least one of at least two parts, none of them an ``Or`` itself."""

    parts: tuple[Expression, ...]

    def __repr__(self) -> str:
        return " | ".join(_bracketed(part) for part in self.parts)


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Not(Expression):
    """Every row that the part does not pass, those with a null among them."""

    part: Expression

    def __invert__(self) -> Expression:
        return self.part

    def __repr__(self) -> str:
        return f"~{_bracketed(self.part)}"


def all_of(*parts: Expression) -> Expression:
    """The rows that pass every part; of no parts, all rows."""
    kept = list(_flat(And, parts, leave_out=EVERYTHING))
    if any(part is NOTHING for part in kept):
        return NOTHING
    return And(tuple(kept)) if len(kept) > 1 else (kept or [EVERYTHING])[0]


def any_of(*parts: Expression) -> Expression:
    """The rows that pass at least one part; of no parts, none."""
    kept = list(_flat(Or, parts, leave_out=NOTHING))
    if any(part is EVERYTHING for part in kept):
        return EVERYTHING
    return Or(tuple(kept)) if len(kept) > 1 else (kept or [NOTHING])[0]


Condition: TypeAlias = Compare | Between | In | Contains | StartsWith | IsNull


def leaves(expression: Expression) -> Iterator[Condition]:
    """The conditions of an expression that stand on one column, from left to right."""
    if isinstance(expression, And | Or):
        for part in expression.parts:
            yield from leaves(part)
    elif isinstance(expression, Not):
        yield from leaves(expression.part)
    elif isinstance(expression, Condition):
        yield expression


def _flat(kind: type[And | Or], parts: Iterable[object], *, leave_out: Constant) -> Iterator[Expression]:
    for part in parts:
        if not isinstance(part, Expression):
            raise ConfigurationError(f"A filter is put together of filters, such as col('year') > 1950. Got {part!r}.")
        if isinstance(part, kind):
            yield from part.parts
        elif part is not leave_out:
            yield part


def _bracketed(part: Expression) -> str:
    """A part between & | ~, which bind tighter in Python than comparisons do."""
    return f"({part!r})" if isinstance(part, And | Or | Compare) else repr(part)


def _several(values: tuple[Value, ...] | Mine) -> str:
    return repr(values if isinstance(values, Mine) else list(values))
