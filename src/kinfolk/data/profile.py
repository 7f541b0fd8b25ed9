"""What a column looks like: how much is missing, how much is distinct, and a sample of its values as text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.data.text import as_text

_SAMPLE_ROWS = 20_000


@dataclass(frozen=True)
class Profile:
    """Counts over a whole column, and a sample.

    Attributes:
        name: of the column.
        kind: its Arrow type.
        rows, missing, distinct: counts over the whole column; ``distinct`` leaves missing values out.
        sample: up to 20,000 present values as text, evenly spread.
        raw: the same part of the column, as given.
        first: whether this is the table's first column.
    """

    name: str
    kind: pa.DataType
    rows: int
    missing: int
    distinct: int
    sample: pa.ChunkedArray
    raw: pa.ChunkedArray
    first: bool

    @property
    def present(self) -> int:
        """How many values are not missing."""
        return self.rows - self.missing

    def share(self, pattern: str) -> float:
        """Share of the sampled values that match a pattern."""
        return _mean(pc.match_substring_regex(self.sample, pattern=pattern)) if len(self.sample) else 0.0


def profile_column(column: pa.ChunkedArray, name: str, *, first: bool = False) -> Profile:
    """Count and sample a column."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    rows = len(column)
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        missing = column.null_count
        present = column.drop_null().slice(0, 100)
        return Profile(name, column.type, rows, missing, min(2, rows - missing), as_text(present), present, first)
    text = as_text(column)
    missing = text.null_count
    distinct = int(pc.count_distinct(text, mode="only_valid").as_py())
    raw = column
    if rows - missing > _SAMPLE_ROWS:
        present = np.flatnonzero(np.asarray(text.is_valid().to_numpy()))
        rows_kept = pa.array(present[np.linspace(0, len(present) - 1, _SAMPLE_ROWS).astype(np.int64)])
        raw, text = column.take(rows_kept), text.take(rows_kept)
    return Profile(name, column.type, rows, missing, distinct, text.drop_null(), raw, first)


def _mean(flags: pa.ChunkedArray) -> float:
    return float(pc.mean(flags.cast(pa.int8())).as_py() or 0.0)
