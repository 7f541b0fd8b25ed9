"""A study from vectors and a table, at any size: the cells that tell filtered searches apart.

Filters on attributes that are drawn without regard to the vectors hide where graphs fail, so that some cells tie the two: a neighborhood
the query is far from, and tags of the neighborhoods it lies in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.metric import stored_form
from kinfolk.search.study.columns import chosen_columns
from kinfolk.search.study.drawn import (
    SHARES,
    drawn_labels,
    drawn_tags,
    lists_of,
    middles,
    nearest_middles,
    size_of,
)
from kinfolk.search.study.draws import Draw, draw_any, draw_label, draw_range, draw_tag
from kinfolk.search.study.layout import TRUTH, Cell, Study
from kinfolk.search.study.terms import Kind, Term, Terms, expression_of
from kinfolk.search.study.truth import Truth
from kinfolk.search.study.vecs import Vectors

QUERIES = 100
NOISE = 0.5  # length of what is added to a unit vector that is repeated: a cosine of about 0.9 with it

_DRAWN: dict[Kind, str] = {"em": "drawn_label", "r": "drawn_number", "emis": "drawn_tags"}
_NEAR_TENTH, _NEAR_HUNDREDTH, _NEAR_TAGS = "neighborhood_of_10", "neighborhood_of_100", "near_tags"
_ROWS: dict[Kind, str] = {"em": "EM", "r": "R", "emis": "EMIS"}
_TRIES = 10  # draws of two filters at once
_FAR, _TOWARDS = "far cluster", "near tag"


@dataclass(frozen=True)
class _Source:
    """A column that filters speak of."""

    column: str
    values: pa.Array
    real: bool


def generate(
    vectors: npt.ArrayLike,
    table: pa.Table,
    *,
    columns: Mapping[Kind, str | None] | None = None,
    rows: int | None = None,
    queries: int = QUERIES,
    seed: int = 0,
) -> Study:
    """Make a study of a user's vectors and table.

    Cells are kind of filter x share that passes {50, 10, 1, 0.1 %}, on the user's column where it has values of about that share and
    else on one that is drawn; R and EM, R and EMIS (10 and 1 %); a cluster far from the query (10 and 1 %), the tag of its own cluster
    (1 %), no filter; and for each of the user's columns the study's own cell, whose filters are those of rows drawn at random. Shares
    below a row are left out.

    Args:
        vectors: (num, dim), finite; they are divided by their lengths, and near means a high cosine.
        table: a row for each vector.
        columns: by kind the column to filter by; None or absent lets one be found, see ``chosen_columns``.
        rows: of the study, after the queries were held out. None takes those there are, fewer a random part of them; more repeats
            vectors with noise, the repeated ones with the attributes of other rows drawn at random.
        queries: held out of the vectors at random.
        seed: of everything that is drawn.

    Raises:
        DataError: vectors that are not finite, another number of rows than of vectors, or too few of them.
        ConfigurationError: a column that is not there or cannot be filtered so; a number below 1.
    """
    known = stored_form(vectors, name="vectors", metric="cosine")
    if len(known) != len(table):
        raise DataError(f"The table must have a row for each vector. Got {len(table):,} rows, {len(known):,} vectors.")
    if queries < 1 or (rows is not None and rows < 1):
        raise ConfigurationError(f"queries and rows must be at least 1. Got {queries} and {rows}.")
    if len(known) < 2 * queries:
        raise DataError(
            f"{queries:,} queries need {2 * queries:,} vectors or more. Got {len(known):,}; ask for fewer queries."
        )
    taken = [
        name for name in (*_DRAWN.values(), _NEAR_TENTH, _NEAR_HUNDREDTH, _NEAR_TAGS) if name in table.column_names
    ]
    if taken:
        raise ConfigurationError(f"The study draws a column '{taken[0]}', and the table has one. Rename yours.")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(known))
    held, rest = order[:queries], np.sort(order[queries:])
    asked = known[held]
    sources, base = _resized(known, rest, rows, rng)
    real = {
        kind: _Source(name, values.take(pa.array(sources)), True)
        for kind, (name, values) in chosen_columns(table, columns or {}).items()
    }
    maker = _Maker(base, asked, real, rng)
    attributes = pa.table({source.column: source.values for source in (*real.values(), *maker.drawn)})
    truth = Truth(base, attributes)
    cells = maker.cells(truth)
    listed = [
        Cell(cell.name, cell.row, cell.share, cell.about, cell.terms, truth.nearest(asked, cell.terms, TRUTH))
        for cell in cells
    ]
    facts = {
        "made_by": "kinfolk bench fanns",
        "rows": len(base),
        "real_vectors": min(len(rest), len(base)),
        "jittered_vectors": max(0, len(base) - len(rest)),
        "jitter": f"repeated vectors have noise of length {NOISE} added, and attributes of rows drawn at random"
        if len(base) > len(rest)
        else "none",
        "columns": {kind: source.column for kind, source in real.items()},
        "seed": seed,
    }
    return Study(base, attributes, asked, listed, facts)


def _resized(
    known: Vectors, rest: npt.NDArray[np.int64], rows: int | None, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], Vectors]:
    """For each row of the study the row its attributes come from, and its vector."""
    num = len(rest) if rows is None else rows
    if num <= len(rest):
        kept = rest if num == len(rest) else np.sort(rng.choice(rest, num, replace=False))
        return kept, known[kept]
    more = num - len(rest)
    vectors = np.empty((num, known.shape[1]), dtype=np.float32)
    vectors[: len(rest)] = known[rest]
    repeated = rest[np.arange(more) % len(rest)]
    for start in range(0, more, 65_536):
        block = known[repeated[start : start + 65_536]]
        noise = rng.standard_normal(block.shape, dtype=np.float32) * np.float32(NOISE / np.sqrt(known.shape[1]))
        vectors[len(rest) + start : len(rest) + start + len(block)] = stored_form(
            block + noise, name="repeated vectors", metric="cosine"
        )
    return np.concatenate([rest, rng.choice(rest, more)]), vectors


class _Maker:
    """Draws the columns and the filters of all cells."""

    def __init__(
        self, vectors: Vectors, queries: Vectors, real: Mapping[Kind, _Source], rng: np.random.Generator
    ) -> None:
        self.num, self.rng, self.real = len(vectors), rng, real
        self.queries = len(queries)
        self.stand_ins: dict[Kind, _Source] = {
            "em": _Source(_DRAWN["em"], drawn_labels(self.num, rng), False),
            "r": _Source(_DRAWN["r"], pa.array(rng.permutation(self.num)), False),
            "emis": _Source(_DRAWN["emis"], drawn_tags(self.num, rng), False),
        }
        self.drawn = list(self.stand_ins.values())
        self._clusters(vectors, queries)

    def _clusters(self, vectors: Vectors, queries: Vectors) -> None:
        """Columns that say where a vector lies, and for each query the farthest cluster and its own tag."""
        self.far: dict[float, tuple[str, list[str]]] = {}
        self.near: list[str] = []
        for share, column in ((0.1, _NEAR_TENTH), (0.01, _NEAR_HUNDREDTH)):
            count = round(1 / share)
            if self.num < 3 * count:  # too few to be clusters
                continue
            centers = middles(vectors, count, self.rng)
            names = np.array([f"cluster {number + 1}" for number in range(len(centers))], dtype=object)
            own = nearest_middles(vectors, centers, 1)[:, 0]
            self.drawn.append(_Source(column, pa.array(names[own].tolist(), pa.string()), False))
            populated = np.flatnonzero(np.bincount(own, minlength=count))
            farthest = populated[np.argmin(queries @ centers[populated].T, axis=1)]
            self.far[share] = column, names[farthest].tolist()
        if self.num >= 3 * 200:
            centers = middles(vectors, 200, self.rng)
            two = nearest_middles(vectors, centers, 2)
            names_of_two = [f"near {number + 1}" for number in two.reshape(-1)]
            lists = lists_of(np.repeat(np.arange(self.num), 2), names_of_two, self.num)
            self.drawn.append(_Source(_NEAR_TAGS, lists, False))
            populated = np.unique(two)
            self.near = [f"near {populated[place] + 1}" for place in np.argmax(queries @ centers[populated].T, axis=1)]

    def cells(self, truth: Truth) -> list[Cell]:
        """All cells, without their truth."""
        found = [self._cell("none", "no filter", 1.0, "no filter", [()] * self.queries)]
        for kind, source in self.real.items():
            draw = draw_any(kind, source.column, source.values)
            if draw is not None:
                about = f"{source.column}, of rows drawn at random"
                found.append(self._cell(kind, f"{_ROWS[kind]}, as it comes", None, about, self._terms([draw])))
        kinds: Sequence[Kind] = ("em", "r", "emis")
        for kind in kinds:
            for share in self._shares():
                draw, about = self._draw(kind, share)
                found.append(self._cell(f"{kind}-{100 * share:g}", _ROWS[kind], share, about, self._terms([draw])))
        for other in ("em", "emis"):
            for share in (s for s in (0.1, 0.01) if size_of(s, self.num)):
                # parts that are independent: a fifth of a half is a tenth, a tenth of a tenth a hundredth
                parts = [self._draw("r", 0.2 if share == 0.1 else 0.1), self._draw(other, 0.5 if share == 0.1 else 0.1)]
                about = " and ".join(part[1] for part in parts)
                name, row = f"r_{other}-{100 * share:g}", f"R and {_ROWS[other]}"
                found.append(self._cell(name, row, share, about, self._both([part[0] for part in parts], share, truth)))
        for share, (column, labels) in self.far.items():
            far_terms = [(Term("em", column, label),) for label in labels]
            about = f"{column}: the cluster farthest from the query"
            found.append(self._cell(f"far-{100 * share:g}", _FAR, share, about, far_terms))
        if self.near:
            near_terms = [(Term("emis", _NEAR_TAGS, label),) for label in self.near]
            about = f"{_NEAR_TAGS}: the tag of the query's own cluster"
            found.append(self._cell("near-1", _TOWARDS, 0.01, about, near_terms))
        return found

    def _shares(self) -> list[float]:
        return [share for share in SHARES if size_of(share, self.num)]

    def _draw(self, kind: Kind, share: float) -> tuple[Draw, str]:
        """How filters of a kind are drawn that let a share pass: by the user's column where it can, else by the drawn one."""
        by_kind = {"em": draw_label, "r": draw_range, "emis": draw_tag}[kind]
        for source in (self.real.get(kind), self.stand_ins[kind]):
            draw = None if source is None else by_kind(source.column, source.values, share)
            if source is not None and draw is not None:
                return draw, f"{source.column} ({'of the table' if source.real else 'drawn'})"
        raise AssertionError("a drawn column has values of every share that is a row")

    def _terms(self, draws: Sequence[Draw]) -> list[Terms]:
        return [tuple(draw(self.rng) for draw in draws) for _ in range(self.queries)]

    def _both(self, draws: Sequence[Draw], share: float, truth: Truth) -> list[Terms]:
        """Of some draws the pair that lets a share nearest to the one asked for pass: columns of a table are seldom independent."""

        def distance(terms: Terms) -> float:
            expression = expression_of(terms)
            assert expression is not None
            size = truth.attributes.select(expression).size
            return abs(math.log(max(size, 0.01) / (share * self.num)))

        return [
            min((tuple(draw(self.rng) for draw in draws) for _ in range(_TRIES)), key=distance)
            for _ in range(self.queries)
        ]

    def _cell(self, name: str, row: str, share: float | None, about: str, terms: Sequence[Terms]) -> Cell:
        return Cell(name, row, share, about, terms, [])
