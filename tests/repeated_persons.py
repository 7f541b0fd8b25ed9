"""Made-up persons who stand in a table several times, each time misspelled in another way, with the true links."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from kinfolk.data.persons import COLUMNS, generate_persons

Table = dict[str, list[str | None]]


class Repeated(NamedTuple):
    """Two tables, and the truth: ``left_id`` and ``right_id``."""

    left: pa.Table
    right: pa.Table
    truth: pa.Table


def repeated_persons(
    num: int, *, left: tuple[int, int], right: tuple[int, int], overlap: float = 0.8, seed: int = 0
) -> Repeated:
    """Two tables in which the same persons stand several times.

    Args:
        num: persons in each table.
        left, right: fewest and most copies of a person in that table; (1, 1) leaves the persons as they are.
        overlap: share of the persons of a table that are in the other one too.
        seed: the same seed gives the same tables.
    """
    rng = np.random.default_rng(seed)
    persons = generate_persons(num, overlap=overlap, seed=seed)
    owners = [np.repeat(np.arange(num), rng.integers(low, high, num, endpoint=True)) for low, high in (left, right)]
    tables = [
        pa.table({"id": [f"{side}{row}" for row in range(len(owner))], **_copied(table, owner, copies != (1, 1), rng)})
        for side, table, owner, copies in zip("lr", (persons.left, persons.right), owners, (left, right), strict=True)
    ]
    places = [{id_: row for row, id_ in enumerate(t.column("id").to_pylist())} for t in (persons.left, persons.right)]
    pairs = [
        (a, b)
        for left_id, right_id in zip(*persons.truth.to_pydict().values(), strict=True)
        for a in np.flatnonzero(owners[0] == places[0][left_id])
        for b in np.flatnonzero(owners[1] == places[1][right_id])
    ]
    truth = pa.table({"left_id": [f"l{a}" for a, _ in pairs], "right_id": [f"r{b}" for _, b in pairs]})
    return Repeated(*tables, truth)


def _copied(table: pa.Table, owner: np.ndarray, spoiled: bool, rng: np.random.Generator) -> Table:
    columns: Table = {}
    for name in COLUMNS:
        values: list[str | None] = table.column(name).take(pa.array(owner)).to_pylist()
        columns[name] = [_misspelled(value, rng) for value in values] if spoiled else values
    return columns


def _misspelled(value: str | None, rng: np.random.Generator) -> str | None:
    """One value in ten gets another letter, one in twenty is lost."""
    chance = rng.random()
    if value is None or chance < 0.05:
        return None
    if chance > 0.15:
        return value
    at = int(rng.integers(len(value)))
    return value[:at] + "xyzw0123"[int(rng.integers(8))] + value[at + 1 :]
