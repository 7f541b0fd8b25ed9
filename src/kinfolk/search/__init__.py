"""Vectors that can be searched, under any filter, in memory or in a folder.

=============  =====================================================================================================
Index          vectors with attributes; ``where`` takes conditions made with ``col`` and ``mine``, or text in SQL
ExemplarIndex  a set of unit vectors, searched exactly
=============  =====================================================================================================
"""

from kinfolk.search.exemplars import ExemplarIndex, Neighbors
from kinfolk.search.filters import Expression, col, mine
from kinfolk.search.found import Explanation, IndexStats, Nearest
from kinfolk.search.index import Index
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
    "mine",
]
