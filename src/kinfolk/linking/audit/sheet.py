"""The file people fill in: one row a pair, both records side by side, and an empty column ``match``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kinfolk.data import Records, read_table, write_table
from kinfolk.data.verdict import read_verdict
from kinfolk.errors import DataError
from kinfolk.evaluation.tables import as_strings
from kinfolk.linking.links import EVIDENCE, Links

_NEEDED = ("pair", "match", "left_id", "right_id")


def write_sheet(path: Path, table: pa.Table) -> None:
    """Write the file aside and rename it, so that no answer is lost when the program is stopped."""
    write_table(table, path)


def read_sheet(path: Path, links: Links) -> tuple[pa.Table, NDArray[np.int64], list[bool | None]]:
    """Read a file that may have been filled in.

    Args:
        path: the file.
        links: the result that was audited.

    Returns:
        The table with all its columns, also those the user added; the position of each row's pair among the candidates;
        each row's answer, None where there is none.

    Raises:
        DataError: a column is missing, a pair is unknown or listed twice, or an answer cannot be read.
    """
    table = read_table(path)
    missing = [name for name in _NEEDED if name not in table.column_names]
    if missing:
        raise DataError(
            f"{path} must have the columns {', '.join(_NEEDED)}; {', '.join(missing)} is missing. "
            f"It has: {', '.join(table.column_names)}. Put the column's name back as it was."
        )
    table = table.set_column(
        table.column_names.index("match"), "match", as_strings(table.column("match"), where=f"{path}, column match")
    )
    cells = {name: as_strings(table.column(name), where=f"{path}, column {name}").to_pylist() for name in _NEEDED}
    positions, answers = [], []
    ids = [as_strings(records.ids, where=records.name) for records in (links.left, links.right)]
    rows = [links.scores.column(side).to_numpy() for side in ("left", "right")]
    for number, (pair, match, *given) in enumerate(zip(*cells.values(), strict=True), start=1):
        where = f"{path}, row {number} below the header"
        position = int(pair) - 1 if pair and pair.strip().isdecimal() else -1
        known = 0 <= position < len(links.scores)
        if not known or [ids[side][int(rows[side][position])].as_py() or "" for side in (0, 1)] != [
            value or "" for value in given
        ]:
            raise DataError(
                f"{where}: column pair must hold the number of a pair of this run, with its left_id and right_id. "
                f"Got pair {pair!r}, {given[0]!r}, {given[1]!r}. Put back what stood there, or delete the row."
            )
        if position in positions:
            raise DataError(f"{where}: pair {pair} is listed a second time. Delete one of the two rows.")
        positions.append(position)
        answers.append(read_verdict(match, where=f"{where}, column match"))
    return table, np.array(positions, dtype=np.int64), answers


def new_rows(links: Links, positions: NDArray[np.int64]) -> pa.Table:
    """Rows for these candidate pairs, all text, ``match`` empty.

    The probability is left out on purpose: whoever sees it judges by it.
    """
    lefts = links.left.take(links.scores.column("left").to_numpy()[positions])
    rights = links.right.take(links.scores.column("right").to_numpy()[positions])
    columns = {
        "pair": [str(position + 1) for position in positions],
        "match": [""] * len(positions),
        "left_id": _texts(lefts),
        "right_id": _texts(rights),
    }
    for left_field, right_field in field_pairs(links):
        for side, field, records in (("left", left_field, lefts), ("right", right_field, rights)):
            if field is not None:
                columns[f"{side} {field}"] = records.texts(field)
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def field_pairs(links: Links) -> list[tuple[str | None, str | None]]:
    """Fields to show side by side: those that were compared, then those only one table has."""
    lefts, rights = (list(r.fields("text", "number", "date", "category")) for r in (links.left, links.right))
    pairs: list[tuple[str | None, str | None]] = []
    for column in links.scores.column_names:
        if column.startswith(EVIDENCE):
            left, _, right = column.removeprefix(EVIDENCE).partition(" = ")
            if left in lefts and (right or left) in rights:
                lefts.remove(left)
                rights.remove(right or left)
                pairs.append((left, right or left))
    for field in list(lefts):
        if field in rights:
            lefts.remove(field)
            rights.remove(field)
            pairs.append((field, field))
    return [*pairs, *((field, None) for field in lefts), *((None, field) for field in rights)]


def _texts(records: Records) -> list[str]:
    return [value or "" for value in as_strings(records.ids, where=records.name).to_pylist()]
