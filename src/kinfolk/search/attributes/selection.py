"""The rows that pass a checked filter, from the postings of its columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kinfolk.errors import ConfigurationError
from kinfolk.search.attributes.postings import Postings
from kinfolk.search.attributes.values import Key
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
from kinfolk.search.passing import Passing, all_rows, no_rows, of_ids
from kinfolk.search.set_algebra import complement, intersect, unite

_PAST_UTF8 = b"\xff"  # no text in UTF-8 has this byte: what starts with p lies between p and p + this


def select(expression: Expression, postings: Mapping[str, Postings], total: int) -> Passing:
    """The rows that pass.

    Args:
        expression: as ``check`` returned it for these columns.
        postings: by column.
        total: how many rows there are.
    """
    match expression:
        case And(parts):
            return intersect([select(part, postings, total) for part in parts], total)
        case Or(parts):
            return unite([select(part, postings, total) for part in parts], total)
        case Not(part):
            return complement(select(part, postings, total))
        case Constant(passes):
            return all_rows(total) if passes else no_rows(total)
        case Compare(column, operator, value) if not isinstance(value, Mine):
            column_postings = postings[column]
            key = column_postings.values.key(value)
            return _compare(column_postings, operator, key)
        case Between(column, low, high) if not isinstance(low, Mine) and not isinstance(high, Mine):
            values = postings[column].values
            return postings[column].between(
                values.first_at_least(values.key(low)), values.first_above(values.key(high))
            )
        case In(column, values) if not isinstance(values, Mine):
            return _in(postings[column], _codes(postings[column], values))
        case Contains(column, how, values) if not isinstance(values, Mine):
            found = [_bucket(postings[column], code) for code in _codes(postings[column], values)]
            if len(found) == 1:
                return found[0]
            return unite(found, total) if how == "any" else intersect(found, total)
        case StartsWith(column, prefix):
            values, key = postings[column].values, prefix.encode()
            if values.offsets is None:
                return no_rows(total)
            return postings[column].between(values.first_at_least(key), values.first_at_least(key + _PAST_UTF8))
        case IsNull(column):
            return postings[column].bucket(len(postings[column].values))
    raise ConfigurationError(f"{expression!r} has to be bound and checked before rows can be selected.")


def _compare(postings: Postings, operator: str, key: Key) -> Passing:
    values = postings.values
    num = len(values)
    if operator == "=":
        return _bucket(postings, values.code(key))
    if operator == "<":
        return postings.between(0, values.first_at_least(key))
    if operator == "<=":
        return postings.between(0, values.first_above(key))
    if operator == ">":
        return postings.between(values.first_above(key), num)
    if operator == ">=":
        return postings.between(values.first_at_least(key), num)
    code = values.code(key)
    if code < 0:
        return postings.between(0, num)
    return unite([postings.between(0, code), postings.between(code + 1, num)], postings.total)


def _codes(postings: Postings, values: tuple[Value, ...]) -> list[int]:
    return [postings.values.code(postings.values.key(value)) for value in values]


def _bucket(postings: Postings, code: int) -> Passing:
    return no_rows(postings.total) if code < 0 else postings.bucket(code)


def _in(postings: Postings, codes: list[int]) -> Passing:
    """The rows of several values; thousands of short lists are put behind each other at once."""
    known = sorted(set(codes) - {-1})
    if not known:
        return no_rows(postings.total)
    starts = postings.starts
    size = sum(int(starts[code + 1] - starts[code]) for code in known)
    if len(known) > 8 and size * 16 <= postings.total:
        listed = np.concatenate([postings.rows[starts[code] : starts[code + 1]] for code in known])
        return of_ids(np.sort(listed), postings.total)
    return unite([postings.bucket(code) for code in known], postings.total)
