"""Walk every row of an HNSW graph, and let only rows that pass into the result.

What faiss and hnswlib do when they are given a filter: the graph of Malkov and Yashunin 2018 (arXiv 1603.09320), algorithm 2, stays as
connected as it was, and rows that fail are steps on the way. In faiss the effort counts these steps, too: for a result of k rows it
has to be above k divided by the share that passes. ``kernels.walk`` counts the rows that pass instead.
"""

from __future__ import annotations

import numpy as np

from kinfolk.search.filters.expression import Expression
from kinfolk.search.kinds.faiss_parts import load_faiss, selector
from kinfolk.search.kinds.interface import Rows
from kinfolk.search.kinds.plain_graph import OverPlainGraph
from kinfolk.search.kinds.registry import kind
from kinfolk.search.metric import Floats
from kinfolk.search.passing import Passing


@kind(
    "hnsw-selector",
    paper="Malkov and Yashunin 2018, Efficient and robust approximate nearest neighbor search using hierarchical navigable small world "
    "graphs (arXiv 1603.09320); the selector is that of faiss (Douze et al. 2024, arXiv 2401.08281)",
    serves=("any",),
    effort="rows that the walk keeps, passing or not (ef)",
    extra="search",
)
class HnswSelector(OverPlainGraph):
    """Walks a plain HNSW graph over all rows, and keeps those that pass."""

    def candidates(self, points: Floats, k: int, where: Expression, passing: Passing, effort: int) -> Rows:  # noqa: ARG002
        """What the walk of faiss keeps."""
        faiss = load_faiss()
        params = faiss.SearchParametersHNSW(sel=selector(passing), efSearch=max(effort, k))
        _, rows = self._index.search(points, k, params=params)
        return np.asarray(rows, dtype=np.int64)
