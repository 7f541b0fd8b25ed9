"""Constants that a filter may compare with, and the attributes of a query that stand in for one until it is known."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from kinfolk.errors import ConfigurationError

Value: TypeAlias = str | bool | int | float | datetime.date | datetime.datetime
Shift: TypeAlias = int | float | datetime.timedelta

VALUES = "a text, a number, True or False, a date or a datetime"


@dataclass(frozen=True, eq=False, repr=False, slots=True)
class Mine:
    """An attribute of the query, for conditions that differ from query to query; ``bind`` puts its value there.

    Attributes:
        name: of the attribute.
        shift: what is added to its value, a number or a timedelta; 0 for nothing.
    """

    name: str
    shift: Shift = 0

    def __add__(self, other: Shift) -> Mine:
        return Mine(self.name, self._shifted(other))

    __radd__ = __add__

    def __sub__(self, other: Shift) -> Mine:
        return Mine(self.name, self._shifted(-other))

    def _shifted(self, other: Shift) -> Shift:
        shift: Shift
        if isinstance(other, datetime.timedelta) and (isinstance(self.shift, datetime.timedelta) or self.shift == 0):
            shift = other + (self.shift or datetime.timedelta())  # type: ignore[operator]
        elif _is_number(other) and not isinstance(self.shift, datetime.timedelta):
            shift = constant(self.shift + other)  # type: ignore[operator,assignment]
        else:
            raise ConfigurationError(
                f"Only numbers, or only timedeltas, can be added to mine({self.name!r}). Got {other!r} on top of {self.shift!r}."
            )
        return shift or 0

    # What reads the same is the same: 1, 1.0 and True are equal in Python and not to a filter.
    def __eq__(self, other: object) -> bool:
        return repr(self) == repr(other) if isinstance(other, Mine) else NotImplemented

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        if not self.shift:
            return f"mine({self.name!r})"
        negative = self.shift < (0 if _is_number(self.shift) else datetime.timedelta())  # type: ignore[operator]
        return f"mine({self.name!r}) {'-' if negative else '+'} {-self.shift if negative else self.shift!r}"


def mine(name: str) -> Mine:
    """An attribute of the query, where a filter needs a value.

    ``col("country") == mine("country")`` asks for rows of the query's own country, ``col("year") > mine("year") - 2`` for rows
    at most two years older.
    """
    return Mine(checked_name(name))


def checked_name(name: object) -> str:
    """The name of a column or attribute.

    Raises:
        ConfigurationError: no text, or an empty one.
    """
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"A filter names a column by its name, a text that is not empty. Got {name!r}.")
    return str(name)


def constant(value: object) -> Value:
    """A constant in the one form it has in filters: Python's own types, numpy's unpacked, aware datetimes in UTC.

    Raises:
        ConfigurationError: None, NaN, an infinite number, or something of another type.
    """
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item() if isinstance(value.item(), int) else value.item()
    elif isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | str):
        if isinstance(value, str) and not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            raise ConfigurationError(f"A text in a filter must be valid Unicode. Got {value!r} with half a character.")
        return value if isinstance(value, bool) else str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ConfigurationError(
                f"A filter compares with finite numbers. Got {value}. For missing values use .is_null(), and leave out a "
                "bound that is not there."
            )
        return float(value)
    if isinstance(value, datetime.datetime) and value == value:
        if getattr(value, "nanosecond", 0):
            raise ConfigurationError(
                f"A filter compares with microseconds at the finest. Got {value!r}. Round it first."
            )
        aware = value.astimezone(datetime.UTC) if value.tzinfo is not None else value
        return datetime.datetime.combine(aware.date(), aware.time(), tzinfo=aware.tzinfo).replace(fold=0)
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.date(value.year, value.month, value.day)
    if value is None or isinstance(value, datetime.datetime):
        raise ConfigurationError("A comparison with None never passes. For missing values use .is_null().")
    raise ConfigurationError(f"A filter compares with {VALUES}. Got {value!r} ({type(value).__name__}).")


def constants(values: object) -> tuple[Value, ...]:
    """Several constants as a set: each once, in one order whatever order they came in.

    Raises:
        ConfigurationError: one text where several were meant, or something that is no constant.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise ConfigurationError(f"Several values are needed, such as ['a', 'b']. Got {values!r}.")
    found = {repr(value): value for value in map(constant, values)}
    return tuple(found[key] for key in sorted(found))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
