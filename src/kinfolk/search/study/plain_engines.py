"""numpy and faiss, which have no attributes: they are given the rows that pass by this package's, in the form that suits them.

That is more than they come with: lists of rows, orders and bitmaps made once at the build, instead of a test of each row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import pyarrow as pa

from kinfolk.errors import MissingExtraError
from kinfolk.search.attributes import Attributes
from kinfolk.search.passing import Passing
from kinfolk.search.study.engine import Rows
from kinfolk.search.study.terms import Terms, expression_of
from kinfolk.search.study.vecs import Vectors

_BLOCK = 100_000  # rows whose vectors are copied at a time
_CLUSTERED = 39  # rows a cell of an IVF index, at the least, as faiss asks for to train it
M, EF_CONSTRUCTION = 32, 128  # of every HNSW graph here, faiss's and the peers'
EF = (16, 32, 64, 128, 256, 512, 1024)


class GivenRows:
    """What is told which rows pass: once for queries that share a filter, else query by query."""

    def __init__(self, attributes: pa.Table, num: int) -> None:
        self._attributes = Attributes.of_rows(attributes, num)
        self.num_bytes = sum(array.nbytes for array in self._attributes.arrays().values())

    def each(
        self, queries: Vectors, filters: Sequence[Terms], search: Callable[[Vectors, Passing | None], Rows]
    ) -> Rows:
        """Search all queries, those under one filter in one call."""
        if len(filters) == 1:
            return search(queries, self._passing(filters[0]))
        return np.concatenate(
            [search(queries[row : row + 1], self._passing(terms)) for row, terms in enumerate(filters)]
        )

    def _passing(self, terms: Terms) -> Passing | None:
        expression = expression_of(terms)
        return None if expression is None else self._attributes.select(expression)


class Numpy:
    """Brute force over the rows that pass: their vectors gathered, one matrix product, the k best."""

    name, effort = "numpy", "exact"
    efforts: Sequence[float] = (1.0,)

    def __init__(self) -> None:
        self.about = f"numpy {np.__version__}, brute force over the rows that pass"

    def build(self, vectors: Vectors, attributes: pa.Table) -> None:
        """As ``Engine.build``."""
        self._vectors, self._given = vectors, GivenRows(attributes, len(vectors))

    def search(self, queries: Vectors, filters: Sequence[Terms], k: int, effort: float) -> Rows:
        """As ``Engine.search``."""
        del effort
        return self._given.each(queries, filters, lambda some, passing: self._best(some, passing, k))

    def _best(self, queries: Vectors, passing: Passing | None, k: int) -> Rows:
        rows = None if passing is None else passing.as_rows()
        if passing is not None and rows is None:
            rows = passing.as_ids()
        num = len(self._vectors) if rows is None else len(rows)
        best = np.full((len(queries), 0), -1, dtype=np.int64)
        scores = np.empty((len(queries), 0), dtype=np.float32)
        for start in range(0, num, _BLOCK):
            ids = np.arange(start, min(start + _BLOCK, num)) if rows is None else rows[start : start + _BLOCK]
            block = self._vectors[start : start + len(ids)] if rows is None else self._vectors[ids]
            products = queries @ block.T
            kept = min(k, len(ids))
            places = np.argpartition(-products, kept - 1, axis=1)[:, :kept]
            best = np.hstack([best, ids[places]])
            scores = np.hstack([scores, np.take_along_axis(products, places, axis=1)])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return padded(np.take_along_axis(best, order, axis=1), k)

    def num_bytes(self) -> int:
        """As ``Engine.num_bytes``."""
        return int(self._vectors.nbytes) + self._given.num_bytes


class Faiss:
    """An index of faiss with a selector that is a bitmap of the rows that pass.

    Args:
        kind: ``flat``, ``hnsw`` or ``ivf``.

    Raises:
        MissingExtraError: faiss is not installed.
    """

    def __init__(self, kind: str) -> None:
        if find_spec("faiss") is None:
            raise MissingExtraError("faiss", "search")
        import faiss

        self._faiss: Any = faiss
        self._kind = kind
        self.name = f"faiss-{kind}"
        self.effort = {"flat": "exact", "hnsw": "efSearch", "ivf": "nprobe"}[kind]
        self.efforts: Sequence[float] = {"flat": (1,), "hnsw": EF, "ivf": (1, 2, 4, 8, 16, 32, 64, 128, 256)}[kind]
        self.about = f"faiss {faiss.__version__} {kind}, IDSelectorBitmap"

    def build(self, vectors: Vectors, attributes: pa.Table) -> None:
        """As ``Engine.build``."""
        faiss = self._faiss
        faiss.omp_set_num_threads(1)
        num, dim = vectors.shape
        if self._kind == "flat":
            index = faiss.IndexFlatIP(dim)
        elif self._kind == "hnsw":
            index = faiss.IndexHNSWFlat(dim, M, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = EF_CONSTRUCTION
            self.about += f", M={M}, efConstruction={EF_CONSTRUCTION}"
        else:
            cells = max(1, min(round(4 * num**0.5), num // _CLUSTERED))
            self._coarse = faiss.IndexFlatIP(dim)
            index = faiss.IndexIVFFlat(self._coarse, dim, cells, faiss.METRIC_INNER_PRODUCT)
            index.train(vectors[:: max(1, num // (64 * cells))])
            self.efforts = [probes for probes in self.efforts if probes < cells] + [cells]
            self.about += f", nlist={cells}"
        index.add(vectors)
        self._index, self._given, self._shape = index, GivenRows(attributes, num), vectors.shape

    def search(self, queries: Vectors, filters: Sequence[Terms], k: int, effort: float) -> Rows:
        """As ``Engine.search``."""
        faiss = self._faiss
        faiss.omp_set_num_threads(1)  # other parts of the process set it, too

        def under(some: Vectors, passing: Passing | None) -> Rows:
            chosen: dict[str, Any] = {}
            if passing is not None:
                chosen["sel"] = faiss.IDSelectorBitmap(passing.as_bitmap().view(np.uint8))
            if self._kind == "hnsw":
                parameters = faiss.SearchParametersHNSW(efSearch=max(int(effort), k), **chosen)
            elif self._kind == "ivf":
                parameters = faiss.SearchParametersIVF(nprobe=int(effort), **chosen)
            else:
                parameters = faiss.SearchParameters(**chosen)
            rows: Rows = self._index.search(some, k, params=parameters)[1]
            return rows

        return self._given.each(queries, filters, under)

    def num_bytes(self) -> int:
        """As ``Engine.num_bytes``."""
        num, dim = self._shape
        size = 4 * num * dim
        if self._kind == "hnsw":
            graph = self._index.hnsw
            size += 4 * graph.neighbors.size() + 8 * graph.offsets.size() + 4 * graph.levels.size()
        elif self._kind == "ivf":
            size += 8 * num + 4 * dim * self._index.nlist
        return int(size) + self._given.num_bytes


def padded(rows: Rows, k: int) -> Rows:
    """Rows with -1 behind them up to k columns."""
    return np.pad(rows, ((0, 0), (0, k - rows.shape[1])), constant_values=-1)
