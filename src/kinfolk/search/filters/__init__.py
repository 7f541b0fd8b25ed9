"""Filters: conditions on the attributes of rows, as Python or as the text of a SQL condition.

::

    col("year").between(1950, 1960) & col("tags").contains("steel") & ~(col("source") == "B")
    from_sql("year BETWEEN 1950 AND 1960 AND 'steel' IN tags AND NOT source = 'B'")
"""

from kinfolk.search.filters.binding import bind, group_by_filter
from kinfolk.search.filters.check import check
from kinfolk.search.filters.column import Column, col
from kinfolk.search.filters.contradiction import contradictions
from kinfolk.search.filters.expression import Expression, all_of, any_of, everything, nothing
from kinfolk.search.filters.from_sql import from_sql
from kinfolk.search.filters.values import Mine, mine

__all__ = [
    "Column",
    "Expression",
    "Mine",
    "all_of",
    "any_of",
    "bind",
    "check",
    "col",
    "contradictions",
    "everything",
    "from_sql",
    "group_by_filter",
    "mine",
    "nothing",
]
