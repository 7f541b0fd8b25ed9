"""A cross-encoder index as one file: what it holds, and by which scorer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from kinfolk.data import write_table
from kinfolk.errors import RunError
from kinfolk.search.cross_encoder.cur import Floats
from kinfolk.search.ids import Id

FILE = "cross_encoder.parquet"
_ABOUT = b"kinfolk_cross_encoder"
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Kept:
    """What an index is made of.

    Attributes:
        ids: of the items.
        items: each as JSON.
        queries: the anchor queries, each as JSON.
        scores: of all anchor queries and items, float64 (num queries, num items).
        scorer: its fingerprint.
        settings: what the index was told beside.
    """

    ids: list[Id]
    items: list[str]
    queries: list[str]
    scores: Floats
    scorer: str
    settings: dict[str, float | int | None]


def write_kept(folder: Path, kept: Kept) -> None:
    """Write the file, wholly or not at all; one that is there stays until then.

    Raises:
        DataError: it cannot be written.
    """
    flat = pa.array(np.ascontiguousarray(kept.scores.T).ravel())
    table = pa.table(
        {"id": kept.ids, "item": kept.items, "scores": pa.FixedSizeListArray.from_arrays(flat, len(kept.queries))}
    )
    about = {"format": _FORMAT, "scorer": kept.scorer, "queries": kept.queries, "settings": kept.settings}
    write_table(table.replace_schema_metadata({_ABOUT: json.dumps(about).encode()}), folder / FILE)


def read_kept(folder: Path) -> Kept:
    """Read the file.

    Raises:
        RunError: there is none, it is damaged, or another version wrote it.
    """
    path = folder / FILE
    if not path.exists():
        raise RunError(f"{folder} holds no cross-encoder index. Give the folder that one was built or saved in.")
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        about = json.loads(table.schema.metadata[_ABOUT])
        if about["format"] != _FORMAT:
            raise RunError(f"{path} was written by another version of kinfolk. Build the index anew.")
        width = len(about["queries"])
        flat = table.column("scores").combine_chunks().flatten().to_numpy()
        return Kept(
            table.column("id").to_pylist(),
            table.column("item").to_pylist(),
            list(about["queries"]),
            np.ascontiguousarray(flat.reshape(table.num_rows, width).T),
            str(about["scorer"]),
            dict(about["settings"]),
        )
    except (OSError, KeyError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
        raise RunError(f"{path} cannot be read ({error}). Delete it and build the index anew.") from error
