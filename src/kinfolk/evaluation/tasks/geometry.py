"""The geometry of an encoder's space: how near what belongs together is, how evenly everything is spread, without any labels.

A file of lines (.txt), a table of texts, or a table of pairs that belong together (sentence1, sentence2; with a column ``score`` those
above 4, on a scale up to 1 above 0.8); or a folder of such tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kinfolk.data.texts import read_texts
from kinfolk.errors import DataError
from kinfolk.evaluation.spread import alignment, effective_rank, uniformity, unit_rows
from kinfolk.evaluation.tasks.outcome import Encode, Outcome
from kinfolk.evaluation.tasks.reading import (
    filled_texts,
    finite_numbers,
    joined_texts,
    read_task_table,
    rows_of_split,
    stem_of,
    tables_in,
)

_MOST = 10_000  # texts of which all pairs are compared
_PAIR = ("sentence1", "sentence2")


@dataclass(frozen=True)
class GeometryFigures:
    """How the vectors of different texts lie.

    Attributes:
        set: its name.
        texts: different ones that were compared.
        uniformity: log of the mean of e^{-2 d^2}, at most 0; the lower, the more even.
        mean_cosine: of two different texts, in [-1, 1]; near 1 all point one way.
        effective_rank: directions that are filled, in [1, dim].
        pairs: that belong together; None where the table holds none.
        alignment: mean squared distance of these pairs, in [0, 4]; the lower, the nearer; None without any.
    """

    set: str
    texts: int
    uniformity: float
    mean_cosine: float
    effective_rank: float
    pairs: int | None
    alignment: float | None


def geometry_figures(
    name: str,
    vectors: npt.NDArray[np.floating],
    pairs: tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]] | None,
) -> GeometryFigures:
    """Measure vectors.

    Args:
        name: of the set.
        vectors: of different texts, (texts, dim), two or more.
        pairs: the vectors of both sides of what belongs together, (pairs, dim) each, or None.

    Raises:
        DataError: fewer than two vectors, or numbers that are not finite.
    """
    units = unit_rows(vectors)
    num = len(units)
    spread = uniformity(units)
    aligned = None if pairs is None or not len(pairs[0]) else alignment(*pairs)
    return GeometryFigures(
        set=name,
        texts=num,
        uniformity=spread,
        mean_cosine=float((np.square(units.sum(axis=0)).sum() - np.square(units).sum()) / (num * (num - 1))),
        effective_rank=effective_rank(units),
        pairs=None if pairs is None else len(pairs[0]),
        alignment=aligned,
    )


def evaluate_geometry(
    encode: Encode, data: object, *, columns: Sequence[str] = (), split: str | None = None, seed: int = 0
) -> Outcome:
    """Measure the space of an encoder.

    Args:
        encode: texts to vectors.
        data: a file of lines, a table, or a folder of tables.
        columns: whose values together are a text; none takes sentence1 and sentence2 as pairs, else title, abstract, text and
            body, or all.
        split: of tables with a column ``split``; None takes test where there is one.
        seed: of the texts that are drawn where there are more than 10,000.

    Raises:
        DataError: a file cannot be read or used.
        ConfigurationError: a column or a split that does not exist.
    """
    folder = isinstance(data, str | Path) and Path(data).is_dir()
    rows, notes = [], []
    for source in tables_in(Path(str(data))) if folder else [data]:
        name, texts, sides, note = _read(source, columns, split)
        distinct = list(dict.fromkeys(text for text in texts if text.strip()))
        if len(distinct) < 2:
            raise DataError(f"{name}: the geometry needs two different texts or more. Got {len(distinct)}.")
        if len(distinct) > _MOST:
            notes.append(f"{name}: {_MOST:,} of {len(distinct):,} different texts were drawn (seed {seed}).")
            distinct = np.random.default_rng(seed).permutation(np.array(distinct, dtype=object))[:_MOST].tolist()
        pairs = None if sides is None else (encode(sides[0]), encode(sides[1]))
        rows.append(geometry_figures(name, encode(distinct), pairs))
        notes += [note] if note else []
    return Outcome({"geometry": tuple(rows)}, tuple(notes))


def _read(
    source: object, columns: Sequence[str], split: str | None
) -> tuple[str, list[str], tuple[list[str], list[str]] | None, str | None]:
    """The name of the set, its texts, both sides of the pairs that belong together, and what should be said."""
    if isinstance(source, str | Path) and ".txt" in Path(source).suffixes:
        return stem_of(Path(source)), list(read_texts(source).texts), None, None
    records, note = rows_of_split(read_task_table(source), split)
    name = stem_of(Path(records.name))
    if columns or not all(column in records.roles for column in _PAIR):
        return name, joined_texts(records, columns, ("id", "split", "label", "score")), None, note
    first, second = (filled_texts(records, column) for column in _PAIR)
    same = list(range(len(records)))
    if "score" in records.roles:
        scores = finite_numbers(records, "score")
        same = np.flatnonzero(scores > (0.8 if scores.max() <= 1 else 4.0)).tolist()
    return name, first + second, ([first[row] for row in same], [second[row] for row in same]), note
