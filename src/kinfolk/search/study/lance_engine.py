"""LanceDB as it documents filtered search: a vector index, an index on each column, and a filter in SQL that is applied first."""

from __future__ import annotations

import datetime
import importlib.metadata
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from kinfolk.errors import DataError
from kinfolk.search.study.engine import Rows
from kinfolk.search.study.terms import Terms
from kinfolk.search.study.vecs import Vectors

_FEWEST = 256  # rows; LanceDB trains no index on fewer
_MOST_VALUES = 1000  # of a column that gets a bitmap for each
_REFINE = 4  # times k rows that are scored again with whole vectors, as codes of one byte mix up near ones


class LanceDb:
    """IVF_HNSW_SQ over the vectors; BITMAP, BTREE and LABEL_LIST over the columns.

    Args:
        folder: where the data base is made.
    """

    name, effort = "lancedb", "ef"
    efforts: Sequence[float] = (40, 80, 160, 320, 640)

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.about = (
            f"lancedb {importlib.metadata.version('lancedb')}, IVF_HNSW_SQ, refine_factor {_REFINE}, prefilter; "
            "BITMAP, BTREE and LABEL_LIST indexes; queries under one filter in one call"
        )

    def build(self, vectors: Vectors, attributes: pa.Table) -> None:
        """As ``Engine.build``."""
        import lancedb
        from lancedb.index import Bitmap, BTree, HnswSq, LabelList

        num, dim = vectors.shape
        data = attributes.append_column("vector", pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), dim))
        shutil.rmtree(
            self._folder, ignore_errors=True
        )  # of a run that was stopped: its data base would have two versions
        self._folder.mkdir(parents=True)
        self._table: Any = lancedb.connect(str(self._folder)).create_table("rows", data)
        # numbers of rows ascend in the order of insertion
        self._ids = np.sort(
            self._table.search().select(["_rowid"]).with_row_id(True).limit(num).to_arrow().column("_rowid").to_numpy()
        )
        patience = datetime.timedelta(hours=1)
        if num >= _FEWEST:
            graph = HnswSq(distance_type="dot", num_partitions=1)
            self._table.create_index("vector", config=graph, wait_timeout=patience)
        for field in attributes.schema:
            if pa.types.is_list(field.type) or pa.types.is_large_list(field.type):
                kind = LabelList()
            elif pa.types.is_string(field.type) and len(attributes.column(field.name).unique()) <= _MOST_VALUES:
                kind = Bitmap()
            else:
                kind = BTree()
            self._table.create_index(field.name, config=kind, wait_timeout=patience)

    def search(self, queries: Vectors, filters: Sequence[Terms], k: int, effort: float) -> Rows:
        """As ``Engine.search``."""
        if len(filters) == 1:
            return self._search(queries, filters[0], k, effort)
        return np.concatenate(
            [self._search(queries[row : row + 1], terms, k, effort) for row, terms in enumerate(filters)]
        )

    def _search(self, queries: Vectors, terms: Terms, k: int, effort: float) -> Rows:
        """Queries under one filter, in one call."""
        builder = self._table.search(queries if len(queries) > 1 else queries[0])
        builder = builder.limit(k).ef(max(int(effort), _REFINE * k)).refine_factor(_REFINE)
        if terms:
            builder = builder.where(_where(terms), prefilter=True)
        try:
            found = builder.select(["_rowid", "_distance"]).with_row_id(True).to_arrow()
        except (RuntimeError, ValueError) as error:
            raise DataError(f"LanceDB could not answer {_where(terms) or 'without a filter'}: {error}") from error
        ids = self._ids.searchsorted(found.column("_rowid").to_numpy())
        of = found.column("query_index").to_numpy() if len(queries) > 1 else np.zeros(len(ids), dtype=np.int64)
        rows = np.full((len(queries), k), -1, dtype=np.int64)
        for query in range(len(queries)):
            own = ids[of == query]
            rows[query, : len(own)] = own
        return rows

    def num_bytes(self) -> int:
        """As ``Engine.num_bytes``."""
        return sum(path.stat().st_size for path in self._folder.rglob("*") if path.is_file())


def _where(terms: Terms) -> str:
    """Terms as LanceDB's SQL."""
    conditions = []
    for term in terms:
        if isinstance(term.value, tuple):
            conditions.append(f"`{term.column}` >= {term.value[0]!r} AND `{term.column}` <= {term.value[1]!r}")
        elif term.kind == "emis":
            conditions.append(f"array_has(`{term.column}`, {_literal(term.value)})")
        else:
            conditions.append(f"`{term.column}` = {_literal(term.value)}")
    return " AND ".join(conditions)


def _literal(value: str | float) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
