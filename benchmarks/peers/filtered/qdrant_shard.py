"""Qdrant Edge: one shard in this process, its filterable graph, an index on each column, its planner, and ACORN where it says so."""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import qdrant_edge as qdrant

from kinfolk.search.study import Terms
from kinfolk.search.study.plain_engines import EF, EF_CONSTRUCTION, M

_BATCH = 2000  # points at a time
_THRESHOLD = 10_000  # kilobytes of vectors that pass, below which they are scanned: its default


class QdrantEdge:
    name, effort, efforts = "qdrant-edge", "hnsw_ef", EF

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        version = importlib.metadata.version("qdrant-edge-py")
        self.about = (
            f"qdrant-edge-py {version}, m={M}, ef_construct={EF_CONSTRUCTION}, a payload index on each column, ACORN as it chooses, "
            "one segment, query_batch"
        )

    def build(self, vectors: np.ndarray, attributes: pa.Table) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        config = qdrant.EdgeConfig(
            vectors=qdrant.EdgeVectorParams(vectors.shape[1], qdrant.Distance.Dot),
            hnsw_config=qdrant.HnswIndexConfig(M, EF_CONSTRUCTION, _THRESHOLD, max_indexing_threads=1),
            optimizers=qdrant.EdgeOptimizersConfig(
                default_segment_number=1, indexing_threshold=1, max_segment_size=100_000_000
            ),
            max_search_threads=1,
            wal_enabled=False,
        )
        self._shard = qdrant.EdgeShard.create(str(self._folder), config)
        for field in attributes.schema:
            self._shard.update(qdrant.UpdateOperation.create_field_index(field.name, _schema_of(field.type)))
        for start in range(0, len(vectors), _BATCH):
            rows = attributes.slice(start, _BATCH).to_pylist()
            block = vectors[start : start + _BATCH].tolist()
            points = [
                qdrant.Point(start + place, vector, payload)
                for place, (vector, payload) in enumerate(zip(block, rows, strict=True))
            ]
            self._shard.update(qdrant.UpdateOperation.upsert_points(points))
        while self._shard.optimize():
            pass
        self._shard.flush()

    def search(self, queries: np.ndarray, filters: Sequence[Terms], k: int, effort: float) -> np.ndarray:
        parameters = qdrant.SearchParams(hnsw_ef=max(int(effort), k), acorn=qdrant.AcornSearchParams(enable=True))
        shared = _filter(filters[0]) if len(filters) == 1 else None
        requests = [
            qdrant.QueryRequest(
                k,
                query=qdrant.Query.Nearest(query),
                filter=shared if len(filters) == 1 else _filter(filters[place]),
                params=parameters,
            )
            for place, query in enumerate(queries)
        ]
        batch = qdrant.QueryBatchRequest
        found = [self._shard.query(requests[0])] if len(requests) == 1 else self._shard.query_batch(batch(requests))
        rows = np.full((len(queries), k), -1, dtype=np.int64)
        for place, points in enumerate(found):
            rows[place, : len(points)] = [point.id for point in points]
        return rows

    def num_bytes(self) -> int:
        # files are made larger than what they hold: counted are blocks that are there
        return sum(512 * path.stat().st_blocks for path in self._folder.rglob("*") if path.is_file())


def _schema_of(kind: pa.DataType) -> object:
    if pa.types.is_integer(kind):
        return qdrant.PayloadSchemaType.Integer
    return qdrant.PayloadSchemaType.Float if pa.types.is_floating(kind) else qdrant.PayloadSchemaType.Keyword


def _filter(terms: Terms) -> object | None:
    if not terms:
        return None
    conditions = []
    for term in terms:
        key = f'"{term.column}"'
        if isinstance(term.value, tuple):
            low, high = term.value
            conditions.append(qdrant.FieldCondition(key, range=qdrant.RangeFloat(gte=low, lte=high)))
        else:
            conditions.append(qdrant.FieldCondition(key, match=qdrant.MatchValue(term.value)))
    return qdrant.Filter(must=conditions)
