"""Measures a `Calibration` on vectors that have just been stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from kinfolk.search.calibration import (
    NEIGHBORS,
    RECALLS,
    Calibration,
    Seconds,
    breadth_tables,
    error_table,
    seconds_of,
    with_margin,
)
from kinfolk.search.kernels.one_bit import needed_errors
from kinfolk.search.kernels.subsets import (
    Subset,
    bitmap_of,
    read_only,
    span_of,
    subset_of_bitmap,
    subset_of_ids,
)
from kinfolk.search.kernels.walk import NEAR
from kinfolk.search.metric import stored_form
from kinfolk.search.parts import ScratchPool, run_code_scan, run_exact, run_one_bit, run_shared, run_walk
from kinfolk.search.stored import Stored

FEW = 1000  # rows; an index of fewer is not measured
_POOL = 20_000  # rows among which farther ones are looked for, and on which seconds are measured
_FEW, _SOME, _SEVERAL, _MANY = (
    64,
    128,
    256,
    4096,
)  # rows that pass a filter, about as many as products, codes and lines are for


def without_measuring() -> Calibration:
    """What an index of few rows takes: errors of a normal distribution, which more than suffice, and usual costs."""
    errors = tuple(max(0.5, NormalDist().inv_cdf(with_margin(recall))) for recall in RECALLS)
    return Calibration((errors,) * len(NEIGHBORS))


def calibrate(stored: Stored, held: npt.NDArray[np.int64], rng: np.random.Generator) -> Calibration:
    """Measure errors, walks and seconds.

    Args:
        stored: vectors in which the held rows are deleted and, if there is a graph, not linked.
        held: rows that serve as queries.
        rng: draws the filters.
    """
    queries = read_only(stored.vectors[held])
    rest = np.setdiff1d(np.arange(stored.num), held)
    needed: dict[int, list[npt.NDArray[np.float64]]] = {k: [] for k in NEIGHBORS}
    hundredth = np.sort(rng.choice(rest, max(200, len(rest) // 100), replace=False)).astype(np.int32)
    pool = rng.permutation(rest)[:_POOL]
    for k in (k for k in NEIGHBORS if 8 * k <= len(rest)):
        for rows, scores in (
            run_shared(stored, queries, span_of(0, stored.num), k, 1),
            run_shared(stored, queries, subset_of_ids(hundredth), k, 1),
            _farther_half(stored, queries, pool, k),
        ):
            needed[k].append(
                needed_errors(
                    queries, rows, scores, stored.squared, stored.lines.reshape(-1), stored.mean, stored.signs
                )
            )
    errors = tuple(tuple(max(0.5, level) for level in levels) for levels in error_table(needed))
    if not stored.has_graph:
        return Calibration(errors, seconds=_seconds(stored, queries, errors[1][RECALLS.index(0.95)]))
    breadths, visits = _measure_walks(stored, queries, rest, rng)
    return Calibration(errors, breadths, visits, _seconds(stored, queries, errors[1][RECALLS.index(0.95)]))


def _farther_half(
    stored: Stored, queries: npt.NDArray[np.float32], pool: npt.NDArray[np.int64], k: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The k best rows of each query of the worse half of a pool, and their scores."""
    halves = 0 if stored.half_squares is None else stored.half_squares[pool]
    scores = (queries @ stored.vectors[pool].T - halves).astype(np.float64)
    half = len(pool) // 2
    best = np.argpartition(-scores, (half, half + k), axis=1)[:, half : half + k]
    best_scores = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-best_scores, axis=1)
    rows, best_scores = pool[np.take_along_axis(best, order, axis=1)], np.take_along_axis(best_scores, order, axis=1)
    if stored.squared:
        best_scores = 2 * best_scores - (queries.astype(np.float64) ** 2).sum(axis=1, keepdims=True)
    return rows, best_scores


def _measure_walks(
    stored: Stored, queries: npt.NDArray[np.float32], rest: npt.NDArray[np.int64], rng: np.random.Generator
) -> tuple[tuple[tuple[tuple[int, ...], ...], ...], tuple[tuple[tuple[float, ...], ...], ...]]:
    """Try walks of every breadth under random filters, from rows and from points between two rows.

    A row that is held out often has near relatives that lead to each other. Queries of users may lie where no row is; a breadth
    has to be enough for both.
    """
    strangers = (2 * queries + np.roll(queries, 1, axis=0)) / 3
    queries = np.concatenate([queries, stored_form(strangers, name="queries", metric=stored.metric)])
    half = len(queries) // 2
    scratch, wanted = ScratchPool(), np.zeros(len(queries), dtype=np.int64)
    subsets: dict[float, Subset] = {}
    truth: dict[float, npt.NDArray[np.int64]] = {}

    def search(share: float, k: int, breadth: int) -> tuple[float, float]:
        if share not in subsets:
            rows = rng.permutation(rest)[: int(share * len(rest))]
            subsets[share] = subset_of_bitmap(bitmap_of(rows, stored.num), len(rows))
            truth[share] = run_shared(stored, queries, subsets[share], NEIGHBORS[-1], 1)[0]
        rows, _, _, seen = run_walk(
            stored, queries, [subsets[share]] * len(queries), k, 1,
            breadths=np.full(len(queries), breadth), least_near=wanted, pool=scratch,
        )  # fmt: skip
        found = [np.isin(true[:k], got).mean() for true, got in zip(truth[share], rows, strict=True)]
        return float(min(np.mean(found[:half]), np.mean(found[half:]))), float(seen.mean())

    return breadth_tables(search, stored.num / 4)


def _seconds(stored: Stored, queries: npt.NDArray[np.float32], errors: float) -> Seconds:
    """Time each part on a few thousand rows.

    Queries by themselves find their rows anywhere in memory, so each is timed on rows of its own.
    """
    pool, batch = ScratchPool(), len(queries)

    def rows_for(place: int, count: int) -> Subset:
        """About so many rows for a query of the batch, its own where that can be, from all over the index."""
        step = max(1, stored.num // count)
        return subset_of_ids(np.arange(place * step // batch, stored.num, step, dtype=np.int32))

    def alone(run: Callable[[int], object]) -> float:
        """Of one search for one query."""
        return seconds_of(lambda: [run(place) for place in range(batch)]) / batch

    def exactly(subsets: Sequence[Subset]) -> float:
        return seconds_of(lambda: run_exact(stored, queries, subsets, 10, 1)) / batch

    def by_codes(subsets: Sequence[Subset]) -> float:
        run = partial(run_code_scan, stored, queries, subsets, 10, 1, certain=False, pool=pool)
        return seconds_of(run) / batch

    def by_lines(subsets: Sequence[Subset]) -> float:
        return seconds_of(lambda: run_one_bit(stored, queries, subsets, 10, 1, errors=errors, pool=pool)) / batch

    def together(subset: Subset, count: int) -> float:
        return seconds_of(lambda: run_shared(stored, queries[:count], subset, 10, 1, certain=False)) - call

    one, some, several, many = (
        [rows_for(place, count) for place in range(batch)] for count in (1, _SOME, _SEVERAL, _MANY)
    )
    few, pooled = rows_for(0, _FEW), rows_for(0, _POOL)
    call = alone(lambda place: run_exact(stored, queries[place : place + 1], one[place : place + 1], 10, 1))
    scan_call = alone(
        lambda place: run_one_bit(
            stored, queries[place : place + 1], several[place : place + 1], 10, 1, errors=errors, pool=pool
        )
    )
    some_by_codes, several_by_lines = by_codes(some), by_lines(several)
    code = max((by_codes(many) - some_by_codes) / (many[0].size - some[0].size), 1e-10)
    line = max((by_lines(many) - several_by_lines) / (many[0].size - several[0].size), 1e-10)
    # A batch costs by its queries, by its rows, and by the products of both: three measurements, three unknowns.
    quarter = batch // 4
    small, narrow, broad = together(few, batch), together(pooled, quarter), together(pooled, batch)
    product = max((broad - narrow - small * (1 - quarter / batch)) / (batch - quarter) / pooled.size, 1e-10)
    shared = max(small / batch - few.size * product, 0.0)
    costs = {
        "call": call,
        "scan_call": max(scan_call - several_by_lines - call, 0.0),
        "exact_row": exactly(some) / some[0].size,
        "code_query": max(some_by_codes - some[0].size * code, 0.0),
        "code": code,
        "query": max(several_by_lines - several[0].size * line, 0.0),
        "line": line,
        "shared": shared,
        "product": product,
        "gather": max((narrow - quarter * (shared + pooled.size * product)) / pooled.size, 0.0),
    }
    if stored.has_graph:
        costs |= _walk_seconds(stored, queries, call)
    return Seconds(**costs)


def _walk_seconds(stored: Stored, queries: npt.NDArray[np.float32], call: float) -> dict[str, float]:
    """Time walks, and likewise what comes before their first step, with walks that want more rows near them than there are."""
    pool, everything, many = ScratchPool(), span_of(0, stored.num), len(queries)

    def walks(least_near: int, count: int) -> npt.NDArray[np.int64]:
        breadths, wanted = np.full(count, 32), np.full(count, least_near)
        return run_walk(
            stored, queries[:count], [everything] * count, 10, 1, breadths=breadths, least_near=wanted, pool=pool
        )[3]  # fmt: skip

    looked = float(walks(0, many).mean())
    glance = seconds_of(lambda: walks(NEAR + 1, many)) / many
    taken = seconds_of(lambda: walks(0, many)) / many
    return {
        "walk_call": max(seconds_of(lambda: walks(NEAR + 1, 1)) - glance - call, 0.0),
        "glance": glance,
        "visit": max(taken - glance, 0.0) / max(looked, 1.0),
    }
