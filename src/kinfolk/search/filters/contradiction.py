"""Conditions that no row can meet together, whatever the table holds, said in sentences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from kinfolk.search.filters.expression import (
    And,
    Between,
    Compare,
    Constant,
    Expression,
    In,
    IsNull,
    Not,
    Or,
    StartsWith,
)
from kinfolk.search.filters.values import Mine

End: TypeAlias = tuple[Any, bool]  # a bound, and whether it is itself outside


def contradictions(expression: Expression) -> tuple[str, ...]:
    """Say which conditions exclude each other: ``year > 5 AND year < 3``, ``a = 1 AND a IS NULL``, ``BETWEEN 9 AND 1``.

    What is found is certain; not everything that no row can pass is found. Constants should have been through ``check``:
    a text that stands for a date is a text here.

    Returns:
        A sentence for each contradiction, from left to right; none where there is none to be found.
    """
    return tuple(dict.fromkeys(_found(expression)))


def _found(expression: Expression) -> Iterator[str]:
    match expression:
        case Or(parts):
            for part in parts:
                yield from _found(part)
        case And(parts):
            yield from _together(parts)
            for part in parts:
                if isinstance(part, Or):
                    yield from _found(part)
        case Constant(False):
            yield "nothing() passes no row."
        case Constant() | Not():
            return
        case _:
            yield from _together((expression,))


def _together(parts: Sequence[Expression]) -> Iterator[str]:
    refused = {part.part for part in parts if isinstance(part, Not) and not isinstance(part.part, IsNull)}
    for part in parts:
        if part in refused:
            yield f"No row can pass both {part!r} and {~part!r}."
    on_column: dict[str, list[Expression]] = defaultdict(list)
    for part in parts:
        column = _column(part)
        if column is not None:
            on_column[column].append(part)
    for column, conditions in on_column.items():
        if _exclude_each_other(conditions):
            if len(conditions) == 1:
                yield f"No row can pass {conditions[0]!r}: the bounds of '{column}' are the wrong way round."
            else:
                shown = " & ".join(f"({condition!r})" for condition in conditions)
                yield f"No row can pass {shown}: the conditions on '{column}' exclude each other."


def _column(part: Expression) -> str | None:
    """The column of a condition that says something of every row that passes and holds no ``mine``."""
    match part:
        case IsNull(column) | Not(IsNull(column)) | StartsWith(column):
            return column
        case Compare(column, _, value) if not isinstance(value, Mine):
            return column
        case Between(column, low, high) if not isinstance(low, Mine) and not isinstance(high, Mine):
            return column
        case In(column, values) if not isinstance(values, Mine):
            return column
    return None


def _exclude_each_other(conditions: Sequence[Expression]) -> bool:
    null = any(isinstance(condition, IsNull) for condition in conditions)
    if null:
        return any(not isinstance(condition, IsNull) for condition in conditions)
    lows: list[End] = []
    highs: list[End] = []
    among: list[set[Any]] = []
    other: set[Any] = set()
    for condition in conditions:
        match condition:
            case Compare(_, "=", value):
                among.append({value})
            case Compare(_, "!=", value):
                other.add(value)
            case Compare(_, ">" | ">=" as operator, value):
                lows.append((value, operator == ">"))
            case Compare(_, "<" | "<=" as operator, value):
                highs.append((value, operator == "<"))
            case Between(_, low, high):
                lows.append((low, False))
                highs.append((high, False))
            case In(_, tuple(values)):
                among.append(set(values))
    try:
        if among:
            left = set.intersection(*among) - other
            return not any(_inside(value, lows, highs) for value in left)
        return any(low > high or (low == high and (a or b)) for low, a in lows for high, b in highs)
    except TypeError:  # constants of several types on one column, which no schema lets pass
        return False


def _inside(value: Any, lows: Sequence[End], highs: Sequence[End]) -> bool:
    above = all(value > low or (value == low and not is_open) for low, is_open in lows)
    return above and all(value < high or (value == high and not is_open) for high, is_open in highs)
