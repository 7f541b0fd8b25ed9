"""The recall and the throughput of one engine in one cell, effort by effort."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kinfolk.search.study.engine import Engine
from kinfolk.search.study.layout import Cell
from kinfolk.search.study.terms import Terms
from kinfolk.search.study.timing import MODES, Mode, timed
from kinfolk.search.study.truth import Truth
from kinfolk.search.study.vecs import Lists, Vectors

_CURVE_ENDS = 0.995  # recall from which higher efforts are not tried


@dataclass(frozen=True)
class Point:
    """One effort.

    Attributes:
        effort: of the engine.
        recall: share of the true neighbors that was found.
        queries: that were asked.
        turns: how often.
        qps: queries a second, by the clock.
        cpu: seconds of CPU time a query.
    """

    effort: float
    recall: float
    queries: int
    turns: int
    qps: float
    cpu: float


@dataclass(frozen=True, eq=False)
class Asked:
    """The queries of a cell, with their own filters and with one that they share, and what is true of both."""

    queries: Vectors
    own: Sequence[Terms]
    own_truth: Lists
    shared: Terms
    shared_truth: Lists
    k: int

    @classmethod
    def of(cls, cell: Cell, queries: Vectors, truth: Truth, k: int) -> Asked:
        """The queries of a cell; they share the filter that, of theirs, lets the median number of rows pass."""
        sizes = np.array([truth.passing(terms)[1] for terms in cell.terms])
        shared = cell.terms[int(np.argsort(sizes, kind="stable")[len(sizes) // 2])]
        return cls(queries, cell.terms, cell.truth, shared, truth.nearest(queries, [shared] * len(queries), k), k)


def measured(
    engine: Engine, asked: Asked, truth: Truth, recall: float, seconds: float
) -> dict[Mode, list[dict[str, Any]]]:
    """Points by mode, efforts ascending.

    One query a call gives the whole curve. Batches begin with the effort that sufficed there, go up until the recall is reached,
    or else down while it still is, so that the smallest that suffices is among their points.
    """
    curves: dict[Mode, list[dict[str, Any]]] = {}
    enough = 0
    for mode in MODES:
        points: dict[int, Point] = {}

        def at(place: int, mode: Mode = mode, points: dict[int, Point] = points) -> float:
            points[place] = _point(engine, mode, asked, truth, engine.efforts[place], seconds)
            return points[place].recall

        if mode == "one":
            enough = _climb(at, 0, len(engine.efforts), _CURVE_ENDS)
            reached = (place for place, point in sorted(points.items()) if point.recall >= recall)
            enough = next(reached, enough)
        elif at(enough) >= recall:
            place = enough - 1
            while place >= 0 and at(place) >= recall:
                place -= 1
        elif enough + 1 < len(engine.efforts):
            _climb(at, enough + 1, len(engine.efforts), recall)
        curves[mode] = [asdict(points[place]) for place in sorted(points)]
    return curves


def _climb(at: Callable[[int], float], first: int, count: int, recall: float) -> int:
    """Try efforts from the first upwards until the recall is reached or there are no more; gives the last that was tried."""
    place = first
    while at(place) < recall and place + 1 < count:
        place += 1
    return place


def _point(engine: Engine, mode: Mode, asked: Asked, truth: Truth, effort: float, seconds: float) -> Point:
    shared = mode == "shared"
    filters = [asked.shared] if shared else asked.own
    found = timed(engine, mode, asked.queries, filters, asked.k, effort, seconds=seconds)
    num = len(found.answers)
    terms = [asked.shared] * num if shared else asked.own[:num]
    true = asked.shared_truth if shared else asked.own_truth
    reached = truth.recall(asked.queries[:num], terms, true[:num], found.answers, asked.k)
    return Point(effort, reached, num, found.turns, 1 / found.wall, found.cpu)
