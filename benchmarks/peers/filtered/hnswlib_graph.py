"""hnswlib: its graph walks all rows and asks a Python function of each whether it may be found, as its documentation has it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable

import hnswlib
import numpy as np
import pyarrow as pa

from kinfolk.search.passing import Passing
from kinfolk.search.study.plain_engines import EF, EF_CONSTRUCTION, GivenRows, M, padded


class Hnswlib:
    name, effort, efforts = "hnswlib", "ef", EF

    def __init__(self) -> None:
        version = importlib.metadata.version("hnswlib")
        self.about = (
            f"hnswlib {version}, M={M}, ef_construction={EF_CONSTRUCTION}, filter a Python function of a bitmap"
        )

    def build(self, vectors: np.ndarray, attributes: pa.Table) -> None:
        num, dim = vectors.shape
        self._index = hnswlib.Index(space="ip", dim=dim)
        self._index.init_index(max_elements=num, M=M, ef_construction=EF_CONSTRUCTION, random_seed=0)
        self._index.set_num_threads(1)
        self._index.add_items(vectors, num_threads=1)
        self._given = GivenRows(attributes, num)
        self._bytes = num * (4 * dim + 8 + 4 * (2 * M + 1)) + self._given.num_bytes

    def search(self, queries: np.ndarray, filters: list, k: int, effort: float) -> np.ndarray:
        self._index.set_ef(max(int(effort), k))
        return self._given.each(queries, filters, lambda some, passing: self._under(some, passing, k))

    def _under(self, queries: np.ndarray, passing: Passing | None, k: int) -> np.ndarray:
        if passing is None:
            return self._index.knn_query(queries, k, num_threads=1)[0].astype(np.int64)
        if not passing.size:
            return np.full((len(queries), k), -1, dtype=np.int64)
        # Bytes answer fastest of what Python has; the function is called for every row that is reached.
        allowed = np.unpackbits(passing.as_bitmap().view(np.uint8), bitorder="little").tobytes().__getitem__
        kept = min(k, passing.size)
        try:
            return padded(self._found(queries, kept, allowed), k)
        except (
            RuntimeError
        ):  # for some query the walk met fewer than k rows that pass, and hnswlib then gives none for any
            return np.concatenate([padded(self._as_many(query[None], kept, allowed), k) for query in queries])

    def _found(self, queries: np.ndarray, k: int, allowed: Callable[[int], int]) -> np.ndarray:
        return self._index.knn_query(queries, k, num_threads=1, filter=allowed)[0].astype(np.int64)

    def _as_many(self, query: np.ndarray, k: int, allowed: Callable[[int], int]) -> np.ndarray:
        """Fewer and fewer, until so many are met."""
        while k:
            try:
                return self._found(query, k, allowed)
            except RuntimeError:
                k //= 2
        return np.empty((1, 0), dtype=np.int64)

    def num_bytes(self) -> int:
        return self._bytes
