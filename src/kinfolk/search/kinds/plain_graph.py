"""What kinds over a plain HNSW graph have in common: the graph of faiss over all rows, built without a look at attributes."""

from __future__ import annotations

from typing import Any, Self

import numpy.typing as npt
import pyarrow as pa

from kinfolk.search.kinds.collection import Collection
from kinfolk.search.kinds.faiss_parts import build_hnsw, require_faiss
from kinfolk.search.kinds.interface import OfEveryFilter
from kinfolk.search.metric import Metric


class OverPlainGraph(OfEveryFilter):
    """A kind that searches an HNSW graph of faiss.

    Args:
        collection: vectors and attributes.
        index: faiss' ``IndexHNSWFlat`` of them.
    """

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
