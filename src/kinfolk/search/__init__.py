"""Vectors that can be searched, under any filter, in memory or in a folder.

=============  =====================================================================================================
Index          vectors with attributes; ``where`` takes conditions made with ``col`` and ``mine``, or text in SQL
join           the nearest rows of an index for every row of a table, under conditions on both
ExemplarIndex  a set of unit vectors, searched exactly
=============  =====================================================================================================
"""

from kinfolk.search.exemplars import ExemplarIndex, Neighbors
from kinfolk.search.filters import Expression, col, mine
from kinfolk.search.found import Explanation, IndexStats, Nearest
from kinfolk.search.index import Index
from kinfolk.search.join import join
from kinfolk.search.space import VectorSpace

__all__ = [
    "ExemplarIndex",
    "Explanation",
    "Expression",
    "Index",
    "IndexStats",
    "Nearest",
    "Neighbors",
    "VectorSpace",
    "col",
    "join",
    "mine",
]
