"""What is wrong with the ids of a table, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from kinfolk.data.text import as_text
from kinfolk.data.wording import counted, rows_in_words

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
            f"{records.name}: {len(missing):,} of {counted(len(ids), 'record', 'records')} without an id in column "
            f"'{column}' ({rows_in_words(missing)}): each takes part by its row, and its id stays empty in the output."
        )
    counts = pc.value_counts(ids.drop_null())
    repeated = counts.filter(pc.greater(counts.field("counts"), 1)).field("values")
    if len(repeated):
        found = np.flatnonzero(np.asarray(pc.is_in(ids, value_set=repeated.cast(ids.type)).to_numpy()))
        which = f"'{repeated[0].as_py()}'" + (
            f" and {counted(len(repeated) - 1, 'more id', 'more ids')}" if len(repeated) > 1 else ""
        )
        notes.append(
            f"{records.name}: {len(found):,} records share their id in column '{column}' with another ({which}; "
            f"{rows_in_words(found)}): each takes part as a record of its own, and the output shows the id as given."
        )
    return tuple(notes)


def row_number_note(name: str) -> str:
    """Said when a table has no id column."""
    return f"{name}: no column looks like an id, so records are named by their row number, from 1. Name one with id."
