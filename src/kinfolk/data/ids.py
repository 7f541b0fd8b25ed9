"""What is wrong with the ids of a table, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.data.text import as_text

if TYPE_CHECKING:
    from kinfolk.data.records import Records


def id_notes(records: Records) -> tuple[str, ...]:
    """One sentence each for missing and for duplicated ids; nothing when every record has an id of its own."""
    column = records.id_column
    if column is None:
        return ()
    ids = as_text(records.table.column(column))
    notes: list[str] = []
    missing = np.flatnonzero(np.asarray(ids.is_null().to_numpy()))
    if len(missing):
        notes.append(
            f"{records.name}: {len(missing):,} of {len(ids):,} records have no id in column '{column}' "
            f"(first at {rows_in_words(missing)}); they take part by their row, and their id stays empty in the output."
        )
    counts = pc.value_counts(ids.drop_null())
    repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    if len(repeated):
        found = np.flatnonzero(np.asarray(pc.is_in(ids, value_set=repeated.cast(ids.type)).to_numpy()))
        notes.append(
            f"{records.name}: {len(found):,} records share their id in column '{column}' with another "
            f"('{repeated[0].as_py()}' and {len(repeated) - 1:,} more ids, first at {rows_in_words(found)}); each takes part as a "
            "record of its own, and the output shows the id as given."
        )
    return tuple(notes)


def rows_in_words(rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]], *, limit: int = 5) -> str:
    """Rows counted from 0 as people count them: "row 4", "rows 4, 7 and 9", "rows 1, 2, 3, 4, 5, …"."""
    shown = [str(int(r) + 1) for r in rows[:limit]]
    if len(rows) > limit:
        return f"rows {', '.join(shown)}, …"
    return f"row {shown[0]}" if len(shown) == 1 else f"rows {', '.join(shown[:-1])} and {shown[-1]}"


def row_number_note(name: str) -> str:
    """Said when a table has no id column."""
    return f"{name}: no column looks like an id, so records are named by their row number, from 1. Give id= to choose a column."


def text_ids(ids: pa.Array) -> pa.Array:
    """Ids as trimmed text, to compare ids that come from different sources."""
    return as_text(pa.chunked_array([ids]))
