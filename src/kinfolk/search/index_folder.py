"""An index in a folder: its rows in LanceDB, and beside them the arrays that searching maps.

The arrays follow from a version of the rows. Where rows have come and gone since, opening makes up for it: it adds and removes
what the rows say, and turns the attributes over anew. Where the arrays are of another build of the rows, or there are none, all is
made from the rows.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import DataError
from kinfolk.search.array_files import Arrays, kept_version, open_arrays, write_arrays
from kinfolk.search.attributes import Attributes
from kinfolk.search.growing import GrowingAttributes
from kinfolk.search.id_column import IdColumn
from kinfolk.search.lance_rows import ID, ROW, VECTOR, LanceRows, newest_version, rows_table
from kinfolk.search.metric import Metric
from kinfolk.search.moment import Moment
from kinfolk.search.vectors import VectorSet

_PARTS = ("vectors", "attributes", "ids")


def create_folder(folder: Path, moment: Moment, attributes: pa.Table) -> LanceRows:
    """Write an index none of whose rows was removed, in place of one that is there.

    Args:
        folder: to write to.
        moment: the index.
        attributes: of its rows, as they came.

    Raises:
        DataError: the folder cannot be written to, or an attribute has a name that is needed.
        MissingExtraError: lancedb is not installed.
    """
    table = rows_table(moment.numbers, moment.ids.to_arrow(), moment.vectors.table(), attributes)
    about = {"metric": moment.vectors.metric, "graph": moment.vectors.graph, "build": secrets.token_hex(8)}
    rows = LanceRows.create(folder, table, about=about)
    write_folder(moment, rows)
    return rows


def write_folder(moment: Moment, rows: LanceRows) -> None:
    """Write the arrays of the version of the rows that is known here.

    Raises:
        DataError: the folder cannot be written to.
    """
    parts: dict[str, Arrays] = {
        "vectors": moment.vectors.arrays(),
        "attributes": moment.attributes.whole.arrays(),
        "ids": {**moment.ids.arrays(), "rows": moment.numbers},
    }
    arrays = {f"{part}.{name}": array for part, of in parts.items() for name, array in of.items()}
    about = {"build": rows.about()["build"], "next": moment.next_number, "vectors": moment.vectors.facts()}
    write_arrays(rows.folder, arrays, version=rows.version, about=about)


def open_folder(folder: Path, *, verify: bool) -> tuple[Moment, LanceRows]:
    """Open an index.

    Args:
        folder: of the index.
        verify: hold all files to their checksums.

    Raises:
        DataError: there is no index, or it is broken.
        MissingExtraError: the arrays are not of the newest rows, and lancedb is not installed.
    """
    version = newest_version(folder)
    opened = None if version is None else open_arrays(folder, version=version, verify=verify)
    if opened is not None and version is not None:
        return _moment(*opened), LanceRows(folder, version)
    rows = LanceRows.open(folder)
    said, table, earlier = rows.about(), rows.read(), kept_version(folder)
    opened = None if earlier is None else open_arrays(folder, version=earlier, verify=verify)
    if opened is not None and opened[1]["build"] == said["build"]:
        return _caught_up(_moment(*opened), table), rows
    return _moment_of(table, metric=said["metric"], graph=said.get("graph")), rows


def _moment_of(table: pa.Table, *, metric: Metric, graph: bool | None) -> Moment:
    """An index of rows as they are kept."""
    vectors, numbers = VectorSet.over(_vectors(table), metric=metric, graph=graph), table[ROW].to_numpy()
    return Moment(vectors, _attributes(table), IdColumn.of(table[ID]), numbers, _behind(numbers))


def attributes_of(table: pa.Table) -> pa.Table:
    """The columns of rows that are attributes."""
    return table.select([name for name in table.column_names if name not in (ROW, ID, VECTOR)])


def _attributes(table: pa.Table) -> GrowingAttributes:
    return GrowingAttributes.over(Attributes.of_rows(attributes_of(table), len(table)))


def _vectors(table: pa.Table) -> npt.NDArray[np.float32]:
    column = table[VECTOR].combine_chunks()
    return np.asarray(column.flatten()).reshape(len(table), column.type.list_size)


def _moment(arrays: Arrays, about: Mapping[str, Any]) -> Moment:
    """An index over the arrays of a folder.

    Raises:
        DataError: one is missing.
    """
    parts: dict[str, Arrays] = {part: {} for part in _PARTS}
    for name, array in arrays.items():
        part, _, own = name.partition(".")
        parts[part][own] = array
    try:
        numbers = parts["ids"].pop("rows")
        return Moment(
            VectorSet.from_arrays(parts["vectors"], about["vectors"]),
            GrowingAttributes.over(Attributes.from_arrays(parts["attributes"])),
            IdColumn.from_arrays(parts["ids"]),
            np.asarray(numbers),
            int(about["next"]),
        )
    except (KeyError, TypeError) as error:
        raise DataError(
            f"The arrays of the index are not those of this version of kinfolk ({error}). Remove them."
        ) from error


def _caught_up(moment: Moment, table: pa.Table) -> Moment:
    """The index of an earlier version with the rows of a later one; a row keeps its number and its vector."""
    numbers = table[ROW].to_numpy()
    gone = np.flatnonzero(~np.isin(moment.numbers, numbers))
    last = _behind(moment.numbers) - 1
    added = table.filter(pa.array(numbers > last))
    if len(added):
        moment.vectors.append(_vectors(added))
    moment.vectors.remove(gone)
    all_numbers = np.concatenate([moment.numbers, added[ROW].to_numpy()])
    # Removed rows keep their place until the index is compacted; what their attributes are does not matter.
    place = np.searchsorted(numbers, all_numbers).clip(max=max(len(numbers) - 1, 0))
    attributes = _attributes(table.take(pa.array(place))) if len(table) else moment.attributes
    ids = moment.ids.followed_by(IdColumn.of(added[ID])) if len(added) else moment.ids
    return Moment(moment.vectors, attributes, ids, all_numbers, max(moment.next_number, _behind(all_numbers)))


def _behind(numbers: npt.NDArray[np.int64]) -> int:
    return int(numbers[-1]) + 1 if len(numbers) else 0
