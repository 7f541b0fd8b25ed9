"""The filter of each query of a search: one for all, one for each, or one that speaks of the query's own attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.data.frames import read_memory
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.filters.binding import group_by_filter, names_of_mine
from kinfolk.search.filters.expression import Expression
from kinfolk.search.filters.from_sql import from_sql

Filter: TypeAlias = Expression | str
"""A condition on attributes, as ``col`` makes it or as text in SQL."""

Group: TypeAlias = tuple[Expression | None, npt.NDArray[np.integer]]


def parsed(where: Filter | None) -> Expression | None:
    """A filter, read where it is text.

    Raises:
        ConfigurationError: a text that is no filter, or something else.
        MissingExtraError: a text, and sqlglot is not installed.
    """
    if isinstance(where, str):
        return from_sql(where)
    if where is not None and not isinstance(where, Expression):
        raise _no_filter(where)
    return where


def filters_of_queries(where: Filter | Sequence[Filter | None] | None, own: object, num: int) -> list[Group]:
    """Bring together the queries that have equal filters.

    Args:
        where: one filter, one a query, or None.
        own: attributes of the queries, a table with a row for each; needed where the filter has ``mine``.
        num: queries.

    Returns:
        Filters, None for none, and the queries that each is of.

    Raises:
        ConfigurationError: no filter, or attributes of the queries that are missing.
        DataError: another number of filters, or of rows of attributes, than of queries.
    """
    if where is None or isinstance(where, Expression | str):
        expression = parsed(where)
        if expression is None or not names_of_mine(expression):
            return [(expression, np.arange(num))]
        if own is None:
            names = ", ".join(sorted(names_of_mine(expression)))
            raise ConfigurationError(
                f"The filter speaks of the query's own {names}. Give the attributes of queries as own."
            )
        table = as_table(own, "own")
        if len(table) != num:
            raise DataError(f"own must have a row for each query. Got {len(table)} rows and {num} queries.")
        return list(group_by_filter(expression, table))
    try:
        filters = list(where)
    except TypeError:
        raise _no_filter(where) from None
    if len(filters) != num:
        raise DataError(f"Each query needs one filter. Got {num} queries and {len(filters)} filters.")
    places: dict[Expression | None, list[int]] = {}
    for place, each in enumerate(filters):
        places.setdefault(parsed(each), []).append(place)
    return [(expression, np.array(members)) for expression, members in places.items()]


def _no_filter(where: object) -> ConfigurationError:
    return ConfigurationError(f"where must be a condition on columns, as col() makes it, or SQL. Got {where!r}.")


def as_table(source: object, name: str) -> pa.Table:
    """A table in memory, of whatever kind, as Arrow's; its lists stay lists.

    Raises:
        DataError: it is no table.
    """
    return source if isinstance(source, pa.Table) else read_memory(source, name).table
