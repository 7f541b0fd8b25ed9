"""``col("year") > 1950``: conditions as Python writes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from kinfolk.errors import ConfigurationError
from kinfolk.search.filters.expression import (
    NOTHING,
    Between,
    Compare,
    Contains,
    Expression,
    In,
    IsNull,
    Operator,
    StartsWith,
)
from kinfolk.search.filters.values import Mine, Value, checked_name, constant, constants


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Column:
    """A column, to be compared with ``== != < <= > >=`` and the methods below; each gives an ``Expression``.

    Wherever a value stands, ``mine(...)`` may stand for an attribute of the query.
    """

    name: str

    def __eq__(self, other: object) -> Expression:  # type: ignore[override]
        return self._compare("=", other)

    def __ne__(self, other: object) -> Expression:  # type: ignore[override]
        return self._compare("!=", other)

    def __lt__(self, other: Value | Mine) -> Expression:
        return self._compare("<", other)

    def __le__(self, other: Value | Mine) -> Expression:
        return self._compare("<=", other)

    def __gt__(self, other: Value | Mine) -> Expression:
        return self._compare(">", other)

    def __ge__(self, other: Value | Mine) -> Expression:
        return self._compare(">=", other)

    __hash__ = None  # type: ignore[assignment]  # == makes a filter, so no set could tell columns apart

    def __bool__(self) -> NoReturn:
        raise ConfigurationError(
            f"{self!r} is a column and no filter yet. Compare it: {self!r} == value, or {self!r} == True for a column of "
            "true and false."
        )

    def __contains__(self, value: object) -> NoReturn:
        raise ConfigurationError(f"Python's 'in' cannot make a filter. Write {self!r}.contains({value!r}).")

    def __repr__(self) -> str:
        return f"col({self.name!r})"

    def between(self, low: Value | Mine, high: Value | Mine) -> Expression:
        """``low <= column <= high``, both ends included."""
        return Between(self.name, _operand(low), _operand(high))

    def is_in(self, values: Iterable[Value] | Mine) -> Expression:
        """The column has one of these values; of no values, no row passes."""
        if isinstance(values, Mine):
            return In(self.name, _unshifted(values))
        several = constants(values)
        if len(several) < 2:
            return Compare(self.name, "=", several[0]) if several else NOTHING
        return In(self.name, several)

    def contains(self, value: Value | Mine) -> Expression:
        """The list in the column contains the value."""
        operand = _operand(value)
        return Contains(self.name, "one", operand if isinstance(operand, Mine) else (operand,))

    def contains_any(self, values: Iterable[Value] | Mine) -> Expression:
        """The list in the column contains at least one of these; of no values, no row passes."""
        if isinstance(values, Mine):
            return Contains(self.name, "any", _unshifted(values))
        several = constants(values)
        if len(several) < 2:
            return Contains(self.name, "one", several) if several else NOTHING
        return Contains(self.name, "any", several)

    def contains_all(self, values: Iterable[Value] | Mine) -> Expression:
        """The list in the column contains every one of these; of no values, every row that has a list passes."""
        if isinstance(values, Mine):
            return Contains(self.name, "all", _unshifted(values))
        several = constants(values)
        if len(several) < 2:
            return Contains(self.name, "one", several) if several else ~self.is_null()
        return Contains(self.name, "all", several)

    def starts_with(self, prefix: str) -> Expression:
        """The text in the column starts with this; upper and lower case differ."""
        text = _operand(prefix)
        if not isinstance(text, str):
            raise ConfigurationError(f"{self!r}.starts_with needs a text. Got {prefix!r}.")
        return StartsWith(self.name, text)

    def is_null(self) -> Expression:
        """The column has no value. Every other row passes ``~col(...).is_null()``."""
        return IsNull(self.name)

    def _compare(self, operator: Operator, other: object) -> Expression:
        return Compare(self.name, operator, _operand(other))


def col(name: str) -> Column:
    """The column of this name."""
    return Column(checked_name(name))


def _operand(value: object) -> Value | Mine:
    if isinstance(value, Column):
        raise ConfigurationError(
            f"A filter compares a column with a value, not with another column. Got {value!r}. An attribute of the query is "
            f"mine({value.name!r})."
        )
    return value if isinstance(value, Mine) else constant(value)


def _unshifted(values: Mine) -> Mine:
    if values.shift:
        raise ConfigurationError(f"Nothing can be added to a list. Got {values!r} where a list is needed.")
    return values
