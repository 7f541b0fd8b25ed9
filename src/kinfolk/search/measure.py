"""Measures a `Calibration` on vectors that have just been stored."""

from __future__ import annotations

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
    rows_of,
    span_of,
    subset_of_bitmap,
    subset_of_ids,
)
from kinfolk.search.metric import stored_form
from kinfolk.search.parts import ScratchPool, glance, run_exact, run_one_bit, run_shared, run_walk
from kinfolk.search.stored import Stored

FEW = 1000  # rows; an index of fewer is not measured
ENTRIES = 8  # rows that a walk begins with
_POOL = 20_000  # rows among which farther ones are looked for, and on which seconds are measured
_TIMED = 16  # queries


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
        return Calibration(errors, seconds=_seconds(stored, queries, errors[1][4]))
    breadths, visits = _measure_walks(stored, queries, rest, rng)
    return Calibration(errors, breadths, visits, _seconds(stored, queries, errors[1][4]))


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
    scratch, entries = ScratchPool(), glance(stored, queries, ENTRIES, 1)
    subsets: dict[float, Subset] = {}
    truth: dict[float, npt.NDArray[np.int64]] = {}

    def search(share: float, k: int, breadth: int) -> tuple[float, float]:
        if share not in subsets:
            rows = rng.permutation(rest)[: int(share * len(rest))]
            subsets[share] = subset_of_bitmap(bitmap_of(rows, stored.num), len(rows))
            truth[share] = run_shared(stored, queries, subsets[share], NEIGHBORS[-1], 1)[0]
        rows, _, seen = run_walk(
            stored, queries, [subsets[share]] * len(queries), k, 1,
            breadths=np.full(len(queries), breadth), entries=entries, pool=scratch,
        )  # fmt: skip
        found = [np.isin(true[:k], got).mean() for true, got in zip(truth[share], rows, strict=True)]
        return float(min(np.mean(found[:half]), np.mean(found[half:]))), float(seen.mean())

    return breadth_tables(search, stored.num / 4)


def _seconds(stored: Stored, queries: npt.NDArray[np.float32], errors: float) -> Seconds:
    """Time each part on a few thousand rows."""
    queries = queries[:_TIMED]
    count = len(queries)
    many = np.arange(0, stored.num, max(1, stored.num // _POOL), dtype=np.int32)
    few = subset_of_ids(many[:: max(1, len(many) // 500)])
    some = subset_of_ids(many)
    one = subset_of_ids(many[:1])
    call = seconds_of(lambda: run_exact(stored, queries[:1], [one], 10, 1))
    exact = seconds_of(lambda: run_exact(stored, queries[:1], [some], 10, 1)) / some.size
    scan = seconds_of(lambda: run_one_bit(stored, queries, [some] * count, 10, 1, errors=errors)) / count
    short = seconds_of(lambda: run_one_bit(stored, queries, [few] * count, 10, 1, errors=errors)) / count
    line = max((scan - short) / (some.size - few.size), 1e-10)
    product = seconds_of(lambda: run_shared(stored, queries, span_of(0, some.size), 10, 1)) / some.size / count
    listed = rows_of(some)[:2048]
    gather = seconds_of(lambda: np.take(stored.vectors, listed, axis=0)) / len(listed)
    costs = {
        "call": call,
        "exact_row": exact,
        "query": max(short - few.size * line, 0.0),
        "line": line,
        "product": product,
        "gather": gather,
    }
    if stored.has_graph:
        entries, scratch = glance(stored, queries, ENTRIES, 1), ScratchPool()
        everything = span_of(0, stored.num)
        breadths = np.full(count, 64)
        seen = 0.0

        def walks() -> None:
            nonlocal seen
            seen = run_walk(
                stored, queries, [everything] * count, 10, 1, breadths=breadths, entries=entries, pool=scratch
            )[2].sum()

        costs["visit"] = float(seconds_of(walks) / max(seen, 1))
        costs["glance"] = seconds_of(lambda: glance(stored, queries, 64, 1)) / count
    return Seconds(**costs)
