"""Filters of queries that let a given share of the rows pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kinfolk.search.study.terms import Kind, Term

Draw = Callable[[np.random.Generator], Term]
"""Draws the filter of one query."""

_NEAR = 1.5  # how many times more or less than asked may pass


def draw_label(column: str, values: pa.Array, share: float) -> Draw | None:
    """Any of the values that about this share of the rows have; None where none is so frequent."""
    return _draw_of("em", column, pc.value_counts(values.drop_null()), len(values), share)


def draw_tag(column: str, lists: pa.Array, share: float) -> Draw | None:
    """Any of the tags that about this share of the rows have; None where none is so frequent."""
    rows, tags = pc.list_parent_indices(lists), pc.list_flatten(lists)
    once = pa.table({"row": rows, "tag": tags}).group_by(["row", "tag"]).aggregate([])
    counts = pc.value_counts(once.column("tag").combine_chunks().drop_null())
    return _draw_of("emis", column, counts, len(lists), share)


def draw_range(column: str, values: pa.Array, share: float) -> Draw | None:
    """A range of as many successive rows as the share is, anywhere; None where equal values make that far more."""
    known = np.sort(np.asarray(values.drop_null()))
    known = known[~np.isnan(known)] if known.dtype.kind == "f" else known
    size = max(1, round(share * len(values)))
    if size > len(known):
        return None
    probe = _ends(known, size, np.linspace(0, len(known) - size, 101).astype(np.int64))
    if np.mean([_passing(known, low, high) for low, high in probe]) > _NEAR * size:
        return None

    def draw(rng: np.random.Generator) -> Term:
        (ends,) = _ends(known, size, rng.integers(0, len(known) - size + 1, 1))
        return Term("r", column, ends)

    return draw


def draw_any(kind: Kind, column: str, values: pa.Array) -> Draw | None:
    """The value, or the range between two values, of rows drawn at random, as the study draws its own; None where there is no value."""
    known = (pc.list_flatten(values) if kind == "emis" else values).drop_null()
    if not len(known):
        return None

    def draw(rng: np.random.Generator) -> Term:
        if kind == "r":
            low, high = sorted(known[int(place)].as_py() for place in rng.integers(0, len(known), 2))
            return Term("r", column, (low, high))
        value: Any = known[int(rng.integers(0, len(known)))].as_py()
        return Term(kind, column, value)

    return draw


def _draw_of(kind: Kind, column: str, counts: pa.Array, num: int, share: float) -> Draw | None:
    numbers = np.asarray(counts.field("counts"))
    near = (numbers <= _NEAR * share * num) & (numbers * _NEAR >= share * num)
    fitting = sorted(counts.field("values").filter(pa.array(near)).to_pylist())
    if not fitting:
        return None
    return lambda rng: Term(kind, column, fitting[int(rng.integers(0, len(fitting)))])


def _ends(known: npt.NDArray[Any], size: int, starts: npt.NDArray[np.integer]) -> list[tuple[Any, Any]]:
    return [(known[start].item(), known[start + size - 1].item()) for start in starts]


def _passing(known: npt.NDArray[Any], low: Any, high: Any) -> int:
    return int(known.searchsorted(high, "right") - known.searchsorted(low, "left"))
