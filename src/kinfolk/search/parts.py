"""Runs one part on many queries: packs their subsets, shares the queries out to threads, and gives each its own scratch.

Kernels hold no lock of Python while they run. Threads of Python are used instead of numba's own, as those cannot be
called by several threads at once on every platform.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError
from kinfolk.search.kernels.exact import exact_scan
from kinfolk.search.kernels.lines import line_layout
from kinfolk.search.kernels.one_bit import nearest_lines, one_bit_scan
from kinfolk.search.kernels.shared_filter import search_shared
from kinfolk.search.kernels.subsets import Subset, pack, read_only
from kinfolk.search.kernels.walk import walk
from kinfolk.search.metric import Floats
from kinfolk.search.stored import Stored

Rows: TypeAlias = npt.NDArray[np.int64]
Scores: TypeAlias = npt.NDArray[np.float64]
NO_ORDER: npt.NDArray[np.int32] = read_only(np.empty(0, dtype=np.int32))

_PARTS = 4  # pieces a thread, so that none waits long for the last


@dataclass(eq=False)
class Scratch:
    """What a walk writes to, of one thread at a time.

    Attributes:
        visited: the number of the query that saw each row last, int32 (num,).
        epoch: numbers that were given out.
        values, rows: the frontier, float32 and int32 (num,).
    """

    visited: npt.NDArray[np.int32]
    epoch: int
    values: Floats
    rows: npt.NDArray[np.int32]


class ScratchPool:
    """Scratch that is lent to searches, as many pieces as there ever were searches at once."""

    def __init__(self) -> None:
        self._free: list[Scratch] = []
        self._lock = Lock()

    @contextmanager
    def lent(self, num: int, epochs: int) -> Iterator[Scratch]:
        """Scratch for ``num`` rows, with ``epochs`` numbers after ``epoch`` that no row was seen by."""
        with self._lock:
            scratch = self._free.pop() if self._free else None
        if scratch is None or len(scratch.visited) < num:
            scratch = Scratch(
                np.zeros(num, dtype=np.int32), 0, np.empty(num, dtype=np.float32), np.empty(num, dtype=np.int32)
            )
        if scratch.epoch > np.iinfo(np.int32).max - epochs - 1:
            scratch.visited[:], scratch.epoch = 0, 0
        yield scratch
        scratch.epoch += epochs
        with self._lock:
            self._free.append(scratch)


def num_threads(asked: int | None) -> int:
    """How many threads to use: those asked for, or one a processor that this process may use.

    Raises:
        ConfigurationError: fewer than one.
    """
    if asked is not None:
        if asked < 1:
            raise ConfigurationError(f"threads must be at least 1, or None for all processors. Got {asked}.")
        return asked
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_out(work: Callable[[int, int], object], num_queries: int, threads: int) -> None:
    """Call ``work(first, last)`` on ranges that make up all queries, on several threads."""
    if threads == 1 or num_queries == 1:
        work(0, num_queries)
        return
    bounds = np.linspace(0, num_queries, min(num_queries, _PARTS * threads) + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, bounds[:-1], bounds[1:]))


def run_exact(stored: Stored, queries: Floats, subsets: Sequence[Subset], k: int, threads: int) -> tuple[Rows, Scores]:
    """Answer by exact scores of all rows that pass."""
    rows, scores = no_rows(len(queries), k)
    queries, packed, flat = read_only(queries), pack(subsets), stored.vectors.reshape(-1)
    share_out(
        lambda first, last: exact_scan(
            first, last, queries, packed, flat, stored.dead, stored.squared, rows, scores
        ),
        len(queries),
        threads,
    )  # fmt: skip
    return rows, scores


def run_one_bit(
    stored: Stored,
    queries: Floats,
    subsets: Sequence[Subset],
    k: int,
    threads: int,
    *,
    errors: float,
    lines: npt.NDArray[np.uint64] | None = None,
    order: npt.NDArray[np.int32] = NO_ORDER,
) -> tuple[Rows, Scores, Rows]:
    """Answer by estimates and exact scores of what is plausible; the number of those scores comes third.

    Args:
        stored, queries, subsets, k, threads: of the search.
        errors: errors to allow for.
        lines, order: a copy of the lines in another order, which subsets count in then.
    """
    rows, scores = no_rows(len(queries), k)
    scored = np.zeros(len(queries), dtype=np.int64)
    queries, packed, flat = read_only(queries), pack(subsets), stored.vectors.reshape(-1)
    flat_lines = read_only((stored.lines if lines is None else lines).reshape(-1))
    packed_order = read_only(order)
    shortlists = np.array([short_list(k, errors, subset.size) for subset in subsets])
    share_out(
        lambda first, last: one_bit_scan(
            first, last, queries, packed, flat, stored.dead, stored.squared, flat_lines, packed_order, stored.mean, stored.signs,
            errors, shortlists, rows, scores, scored,
        ),
        len(queries),
        threads,
    )  # fmt: skip
    return rows, scores, scored


def short_list(k: int, errors: float, size: int) -> int:
    """Rows that a scan remembers; it decides the time alone.

    Some multiple of k that is larger where more errors are allowed for, and a few in a thousand rows: so many cost little beside
    the scan, and a list that is too short costs a second one.
    """
    return int(k * (3 + 3 * errors)) + 8 + size // 400


def run_walk(
    stored: Stored,
    queries: Floats,
    subsets: Sequence[Subset],
    k: int,
    threads: int,
    *,
    breadths: Rows,
    entries: Rows,
    pool: ScratchPool,
) -> tuple[Rows, Scores, Rows]:
    """Answer by walks; the number of rows looked at comes third.

    Args:
        stored, queries, subsets, k, threads: of the search; subsets are bitmaps or all rows.
        breadths: of each walk.
        entries: rows to begin with, of each.
        pool: where scratch is.
    """
    rows, scores = no_rows(len(queries), k)
    seen = np.zeros(len(queries), dtype=np.int64)
    queries, packed, flat = read_only(queries), pack(subsets), stored.vectors.reshape(-1)

    def work(first: int, last: int) -> None:
        with pool.lent(stored.num, last - first) as scratch:
            walk(
                first, last, queries, packed, flat, stored.dead, stored.squared, stored.codes.reshape(-1),
                stored.code_numbers.reshape(-1), stored.mean, stored.links, entries, breadths,
                scratch.visited, scratch.epoch + 1, scratch.values, scratch.rows, rows, scores, seen,
            )  # fmt: skip

    share_out(work, len(queries), threads)
    return rows, scores, seen


def run_shared(stored: Stored, queries: Floats, subset: Subset, k: int, threads: int) -> tuple[Rows, Scores]:
    """Answer queries that share a filter by matrix products, and the few that this leaves in doubt by exact scans."""
    rows, scores, certain = search_shared(
        queries, subset, stored.vectors, stored.dead, k=k, half_squares=stored.half_squares, largest=stored.largest
    )  # fmt: skip
    doubtful = np.flatnonzero(~certain)
    if doubtful.size:
        rows[doubtful], scores[doubtful] = run_exact(stored, queries[doubtful], [subset] * doubtful.size, k, threads)
    return rows, scores


def glance(stored: Stored, queries: Floats, count: int, threads: int) -> Rows:
    """Rows of the sample that are near each query, nearest first, int64 (queries, count)."""
    queries, words = read_only(queries), line_layout(stored.dim)[0]
    lines = np.full((len(queries), min(count, len(stored.sample_lines) // words)), -1, dtype=np.int64)
    share_out(
        lambda first, last: nearest_lines(first, last, queries, stored.sample_lines, stored.mean, stored.signs, lines),
        len(queries),
        threads,
    )
    return stored.sample[lines]


def no_rows(num_queries: int, k: int) -> tuple[Rows, Scores]:
    """The answer before anything is found: rows -1 and scores -inf, (queries, k)."""
    return np.full((num_queries, k), -1, dtype=np.int64), np.full((num_queries, k), -np.inf)
