"""Cells around centers of k-means; rows that fail are skipped inside the cells that are looked into.

Sivic and Zisserman 2003, "Video Google: a text retrieval approach to object matching in videos" (ICCV), whose inverted file is built
over k-means; as faiss does it (Douze et al. 2024, arXiv 2401.08281), with a selector. The cells know nothing of the
filter: a strict one leaves most of them empty, and more of them have to be looked into.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import ConfigurationError
from kinfolk.search.filters.expression import Expression
from kinfolk.search.kinds.collection import Collection
from kinfolk.search.kinds.faiss_parts import load_faiss, one_thread, require_faiss, selector
from kinfolk.search.kinds.interface import OfEveryFilter, Rows
from kinfolk.search.kinds.registry import kind
from kinfolk.search.metric import Floats, Metric
from kinfolk.search.passing import Passing


@kind(
    "ivf-selector",
    paper="Sivic and Zisserman 2003, Video Google: a text retrieval approach to object matching in videos (ICCV); the selector is that of "
    "faiss (Douze et al. 2024, arXiv 2401.08281)",
    serves=("any",),
    effort="cells that are looked into (nprobe)",
    extra="search",
)
class IvfSelector(OfEveryFilter):
    """Looks into the cells nearest to the query, and scores the rows there that pass."""

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
        cells: int | None = None,
    ) -> Self:
        """Build cells, about the square root of the rows unless their number is given. The rest as ``Kind.build``."""
        require_faiss(cls.name)
        faiss = load_faiss()
        collection = Collection.of(vectors, attributes, metric)
        number = max(1, round(collection.num**0.5)) if cells is None else cells
        if not 1 <= number <= collection.num:
            raise ConfigurationError(f"cells must be from 1 to the number of rows, {collection.num}. Got {number}.")
        points = collection.points
        quantizer = faiss.IndexFlatL2(points.shape[1])
        index = faiss.IndexIVFFlat(quantizer, points.shape[1], number)
        index.cp.seed = seed
        index.cp.min_points_per_centroid = 1  # otherwise it warns of what the caller asked for
        with one_thread():
            index.train(points)
            index.add(points)
        return cls(collection, index)

    def candidates(self, points: Floats, k: int, where: Expression, passing: Passing, effort: int) -> Rows:  # noqa: ARG002
        """The nearest rows that pass in the nearest cells."""
        faiss = load_faiss()
        params = faiss.SearchParametersIVF(sel=selector(passing), nprobe=min(effort, self._index.nlist))
        _, rows = self._index.search(points, k, params=params)
        return np.asarray(rows, dtype=np.int64)
