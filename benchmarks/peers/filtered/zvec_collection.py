"""zvec: a collection in this process, its graph, an inverted index on each column, and its planner."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import zvec

from kinfolk.errors import DataError
from kinfolk.search.study import Terms
from kinfolk.search.study.plain_engines import EF, EF_CONSTRUCTION, M

_BATCH = 1000  # documents at a time; it takes no more than 1024


class Zvec:
    name, effort, efforts = "zvec", "ef", EF

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.about = (
            f"zvec {zvec.__version__}, HNSW m={M}, ef_construction={EF_CONSTRUCTION}, contiguous memory, an inverted index on each column, "
            "query_internal_ids; no batches: query by query"
        )
        zvec.init(query_threads=1, optimize_threads=1)

    def build(self, vectors: np.ndarray, attributes: pa.Table) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._names = {name: f"c{place}" for place, name in enumerate(attributes.column_names)}
        fields = [
            zvec.FieldSchema(self._names[field.name], _type_of(field.type), nullable=True, index_param=_inverted(field))
            for field in attributes.schema
        ]
        graph = zvec.HnswIndexParam(
            metric_type=zvec.MetricType.IP, m=M, ef_construction=EF_CONSTRUCTION, use_contiguous_memory=True
        )
        column = zvec.VectorSchema("vector", zvec.DataType.VECTOR_FP32, vectors.shape[1], graph)
        collection = zvec.create_and_open(str(self._folder), zvec.CollectionSchema("rows", fields, [column]))
        for start in range(0, len(vectors), _BATCH):
            rows = attributes.slice(start, _BATCH).rename_columns(list(self._names.values())).to_pylist()
            block = vectors[start : start + _BATCH].tolist()
            documents = [
                zvec.Doc(
                    str(start + place),
                    vectors={"vector": vector},
                    fields={name: value for name, value in row.items() if value is not None},
                )
                for place, (vector, row) in enumerate(zip(block, rows, strict=True))
            ]
            refused = next((status for status in collection.insert(documents) if not status.ok()), None)
            if refused is not None:
                raise DataError(f"zvec took not all rows: {refused}")
        collection.optimize()
        collection.flush()
        collection.close()
        # its fastest call needs a collection that cannot be written to
        self._collection = zvec.open(str(self._folder), zvec.CollectionOption(read_only=True, enable_mmap=True))
        self._rows = np.array([int(row) for row in self._collection.resolve_internal_ids(np.arange(len(vectors)))])

    def search(self, queries: np.ndarray, filters: Sequence[Terms], k: int, effort: float) -> np.ndarray:
        parameters = zvec.HnswQueryParam(ef=max(int(effort), k))
        shared = self._filter(filters[0]) if len(filters) == 1 else None
        rows = np.full((len(queries), k), -1, dtype=np.int64)
        for place, query in enumerate(queries):
            where = shared if len(filters) == 1 else self._filter(filters[place])
            asked = zvec.Query("vector", vector=query, param=parameters)
            try:
                ids = self._collection.query_internal_ids(asked, topk=k, filter=where)
            except (RuntimeError, ValueError) as error:
                raise DataError(f"zvec could not answer {where or 'without a filter'}: {error}") from error
            rows[place, : len(ids)] = np.where(ids >= 0, self._rows[ids], -1)
        return rows

    def _filter(self, terms: Terms) -> str | None:
        parts = []
        for term in terms:
            column = self._names[term.column]
            if isinstance(term.value, tuple):
                parts.append(f"{column} >= {term.value[0]!r} and {column} <= {term.value[1]!r}")
            elif term.kind == "emis":
                parts.append(f"{column} contain_any ({_literal(term.value)})")
            else:
                parts.append(f"{column} = {_literal(term.value)}")
        return " and ".join(parts) or None

    def num_bytes(self) -> int:
        return sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())


def _type_of(kind: pa.DataType) -> object:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return zvec.DataType.ARRAY_STRING
    if pa.types.is_integer(kind):
        return zvec.DataType.INT64
    return zvec.DataType.DOUBLE if pa.types.is_floating(kind) else zvec.DataType.STRING


def _inverted(field: pa.Field) -> object:
    ordered = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
    return zvec.InvertIndexParam(enable_range_optimization=ordered)


def _literal(value: str | float) -> str:
    if not isinstance(value, str):
        return repr(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
