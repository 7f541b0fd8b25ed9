"""The attributes of an index that is only in memory, as they came: what saving it writes to a folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.search.lance_rows import ID, ROW, VECTOR

_CHUNKS = 64  # pieces that rows come in, before they are joined


class MemoryRows:
    """Rows under rising numbers, without vectors and ids, which the index has; it changes as ``LanceRows`` does.

    Args:
        rows: with the column ``ROW``, int64.
    """

    def __init__(self, rows: pa.Table) -> None:
        self._rows = _without_vectors(rows)

    def read(self) -> pa.Table:
        """All rows, in the order of their numbers."""
        return self._rows

    def append(self, rows: pa.Table) -> None:
        """Add rows behind the others."""
        both = pa.concat_tables([self._rows, _without_vectors(rows)])
        self._rows = both.combine_chunks() if both[ROW].num_chunks > _CHUNKS else both

    def remove(self, rows: Sequence[int]) -> None:
        """Remove rows by their numbers."""
        self._rows = self._rows.filter(pc.invert(pc.is_in(self._rows[ROW], pa.array(rows, pa.int64()))))

    def replace(self, rows: pa.Table) -> None:
        """Write rows anew that are there, by their numbers."""
        order = np.arange(len(self._rows))
        order[np.searchsorted(self._rows[ROW].to_numpy(), rows[ROW].to_numpy())] = len(order) + np.arange(len(rows))
        both = pa.concat_tables([self._rows, rows.select(self._rows.column_names)])
        self._rows = both.take(pa.array(order)).combine_chunks()


def _without_vectors(rows: pa.Table) -> pa.Table:
    return rows.select([name for name in rows.column_names if name not in (ID, VECTOR)])
