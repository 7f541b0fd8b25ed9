"""Walk every row of an HNSW graph, and let only rows that pass into the result.

What faiss and hnswlib do when they are given a filter: the graph of Malkov and Yashunin 2018 (arXiv 1603.09320), algorithm 2, stays as
connected as it was, and rows that fail are steps on the way. In faiss the effort counts these steps, too: for a result of k rows it
has to be above k divided by the share that passes. ``kernels.walk`` counts the rows that pass instead.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.search.filters.expression import Expression
from kinfolk.search.kinds.collection import Collection
from kinfolk.search.kinds.faiss_parts import build_hnsw, load_faiss, require_faiss, selector
from kinfolk.search.kinds.interface import OfEveryFilter, Rows
from kinfolk.search.kinds.registry import kind
from kinfolk.search.metric import Floats, Metric
from kinfolk.search.passing import Passing


@kind(
    "hnsw-selector",
    paper="Malkov and Yashunin 2018, Efficient and robust approximate nearest neighbor search using hierarchical navigable small world "
    "graphs (arXiv 1603.09320); the selector is that of faiss (Douze et al. 2024, arXiv 2401.08281)",
    serves=("any",),
    effort="rows that the walk keeps, passing or not (ef)",
    extra="search",
)
class HnswSelector(OfEveryFilter):
    """Walks a plain HNSW graph over all rows, and keeps those that pass."""

    def __init__(self, collection: Collection, index: Any) -> None:
        super().__init__(collection)
        self._index = index

    @classmethod
    def build(
        cls,
        vectors: npt.ArrayLike,
        attributes: pa.Table,
        *,
        column: str | None = None,  # noqa: ARG003 - see Kind.build
        metric: Metric = "cosine",
        seed: int = 0,
        neighbors: int = 16,
        breadth: int = 100,
    ) -> Self:
        """Build an HNSW graph; ``neighbors`` and ``breadth`` are M and efConstruction. The rest as ``Kind.build``."""
        require_faiss(cls.name)
        collection = Collection.of(vectors, attributes, metric)
        return cls(collection, build_hnsw(collection.points, neighbors=neighbors, breadth=breadth, seed=seed))

    def candidates(self, points: Floats, k: int, where: Expression, passing: Passing, effort: int) -> Rows:  # noqa: ARG002
        """What the walk of faiss keeps."""
        faiss = load_faiss()
        params = faiss.SearchParametersHNSW(sel=selector(passing), efSearch=max(effort, k))
        _, rows = self._index.search(points, k, params=params)
        return np.asarray(rows, dtype=np.int64)
