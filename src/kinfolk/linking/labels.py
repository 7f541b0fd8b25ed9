"""Labeled pairs: what a person said about which records belong together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kinfolk.data import Records, read_records
from kinfolk.data.text import as_text
from kinfolk.data.verdict import read_verdict
from kinfolk.errors import DataError
from kinfolk.linking.candidates import Candidates

UNKNOWN = -1

SURE = float(np.log(0.999 / 0.001))  # log-odds of a judged pair: a person errs now and then
_VERDICTS = ("label", "match")  # the second is the column that an audit has people fill in


@dataclass(frozen=True)
class Labels:
    """Pairs of rows a person has judged, or wants to see compared, each once.

    Attributes:
        left, right: rows of the two tables, int32 (pairs,).
        label: 1 the same thing, 0 not, ``UNKNOWN`` not judged, int8 (pairs,).
        notes: sentences for the user.
    """

    left: np.ndarray
    right: np.ndarray
    label: np.ndarray
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int((self.label != UNKNOWN).sum())

    def fingerprint(self) -> str:
        """A hash of what was judged how."""
        return hashlib.sha256(b"|".join(a.tobytes() for a in (self.left, self.right, self.label))).hexdigest()[:16]

    def unordered(self) -> Labels:
        """The same for pairs of one table: smaller row first, each pair once, none of a record with itself."""
        found: dict[tuple[int, int], int] = {}
        contradicted = set()
        for a, b, label in zip(self.left.tolist(), self.right.tolist(), self.label.tolist(), strict=True):
            said = found.setdefault((min(a, b), max(a, b)), label)
            if said == UNKNOWN:
                found[min(a, b), max(a, b)] = label
            elif label not in (UNKNOWN, said):
                contradicted.add((min(a, b), max(a, b)))
        found = {pair: label for pair, label in found.items() if pair[0] != pair[1]}
        found |= dict.fromkeys(contradicted & found.keys(), UNKNOWN)
        notes = list(self.notes)
        if contradicted:
            notes.append(
                f"Labels: {len(contradicted):,} pairs are judged both ways round, 1 and 0; they were left out."
            )
        pairs = sorted(found)
        rows = np.array(pairs, dtype=np.int32).reshape(-1, 2)
        return Labels(rows[:, 0], rows[:, 1], np.array([found[pair] for pair in pairs], dtype=np.int8), tuple(notes))

    def of(self, candidates: Candidates, num_right: int) -> np.ndarray:
        """The label of each candidate pair: 1, 0, or ``UNKNOWN``; int8 (candidates,)."""
        labels = np.full(len(candidates), UNKNOWN, dtype=np.int8)
        keys = candidates.left.astype(np.int64) * num_right + candidates.right
        wanted = self.left.astype(np.int64) * num_right + self.right
        at = np.searchsorted(keys, wanted)
        inside = at < len(keys)
        inside[inside] = keys[at[inside]] == wanted[inside]
        labels[at[inside]] = self.label[inside]
        return labels


def read_labels(source: object, left: Records, right: Records) -> Labels:
    """Read judged pairs from anything that holds a table.

    A pair without a label is not learned from, but becomes a candidate like the others.

    Args:
        source: file, data frame, Arrow table or list of dicts with the columns ``left_id``, ``right_id`` and ``label``
            (or ``match``): 1, yes or true for the same thing, 0, no or false for not, empty for not judged.
        left, right: the tables the ids belong to.

    Raises:
        DataError: a column is missing, an id is not in its table, or a label cannot be read.
    """
    table = read_records(source, name=None if isinstance(source, str) else "labels")
    verdict = next((name for name in _VERDICTS if name in table.roles), None)
    if verdict is None or not {"left_id", "right_id"} <= table.roles.keys():
        raise DataError(
            f"{table.name}: labeled pairs need the columns left_id, right_id and label. "
            f"It has: {', '.join(table.roles)}. Rename its columns."
        )
    numbers = [_rows_by_id(records) for records in (left, right)]
    ids = [[text.strip() for text in table.texts(column)] for column in ("left_id", "right_id")]
    found: dict[tuple[int, int], int] = {}
    shared, contradicted = 0, set()
    for row, text in enumerate(table.texts(verdict)):
        match = read_verdict(text, where=f"{table.name}, column {verdict}, row {row + 1}")
        pair = (
            _row(numbers[0], ids[0][row], left, f"{table.name}, column left_id, row {row + 1}"),
            _row(numbers[1], ids[1][row], right, f"{table.name}, column right_id, row {row + 1}"),
        )
        if min(pair) == _SHARED:
            shared += 1
            continue
        label = UNKNOWN if match is None else int(match)
        said = found.setdefault(pair, label)
        if said == UNKNOWN:
            found[pair] = label
        elif label not in (UNKNOWN, said):
            contradicted.add(pair)
    found |= dict.fromkeys(contradicted, UNKNOWN)
    notes = []
    if shared:
        notes.append(f"{table.name}: {shared:,} pairs name an id that several records share; they were left out.")
    if contradicted:
        notes.append(f"{table.name}: {len(contradicted):,} pairs are labeled both 1 and 0; they count as not judged.")
    pairs = sorted(found)
    rows = np.array(pairs, dtype=np.int32).reshape(-1, 2)
    return Labels(rows[:, 0], rows[:, 1], np.array([found[pair] for pair in pairs], dtype=np.int8), tuple(notes))


_SHARED = -1  # in place of a row number: several records have this id


def _rows_by_id(records: Records) -> dict[str, int]:
    rows: dict[str, int] = {}
    for row, value in enumerate(as_text(pa.chunked_array([records.ids])).to_pylist()):
        if value is not None:
            rows[value.strip()] = _SHARED if value.strip() in rows else row
    return rows


def _row(rows: dict[str, int], wanted: str, records: Records, where: str) -> int:
    if wanted not in rows:
        raise DataError(f"{where}: {records.name} has no record with id '{wanted}'. Use the ids of the linked tables.")
    return rows[wanted]
