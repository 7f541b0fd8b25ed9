"""Runs one part on many queries: packs their subsets, shares the queries out to threads, and gives each its own scratch.

Kernels hold no lock of Python while they run. Threads of Python are used instead of numba's own, as those cannot be
called by several threads at once on every platform.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError
from kinfolk.search.kernels.byte_products import WIDEST
from kinfolk.search.kernels.code_scan import code_scan
from kinfolk.search.kernels.exact import exact_scan
from kinfolk.search.kernels.one_bit import one_bit_scan
from kinfolk.search.kernels.shared_codes import search_codes
from kinfolk.search.kernels.shared_filter import search_shared
from kinfolk.search.kernels.subsets import Subset, pack, read_only
from kinfolk.search.kernels.walk import walk
from kinfolk.search.metric import Floats
from kinfolk.search.stored import Stored

Rows: TypeAlias = npt.NDArray[np.int64]
Scores: TypeAlias = npt.NDArray[np.float64]
NO_ORDER: npt.NDArray[np.int32] = read_only(np.empty(0, dtype=np.int32))

_MANY = 32  # queries of a batch under one filter, for a thread
CODES_FROM = {False: 384, True: 1536}  # rows under one filter, exact or not; products of vectors are as quick for fewer
_AT_ONCE = 4096  # queries of such a batch: what is remembered of them takes up to 30 MB for ten neighbors
_REMEMBERED = 512  # rows, beyond four times those asked for, where a few were not enough
_LAST_EPOCH = 2**31 - 2
_PARTS = 4  # pieces a thread, so that none waits long for the last


@dataclass(eq=False)
class Scratch:
    """What a search writes to, of one thread at a time.

    Attributes:
        visited: the number of the walk that saw each row last, int32 (num,).
        epoch: numbers that were given out.
        values, rows: the frontier of a walk, or what is plausible of each row of a scan, float32 and int32 (num,).
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

    def lend(self, num: int, epochs: int) -> Scratch:
        """Scratch for ``num`` rows, with ``epochs`` numbers after ``epoch`` that no row was seen by; to be taken back."""
        with self._lock:
            scratch = self._free.pop() if self._free else None
        if scratch is None or len(scratch.visited) < num:
            scratch = Scratch(
                np.zeros(num, dtype=np.int32), 0, np.empty(num, dtype=np.float32), np.empty(num, dtype=np.int32)
            )
        if scratch.epoch > _LAST_EPOCH - epochs:
            scratch.visited[:], scratch.epoch = 0, 0
        return scratch

    def take_back(self, scratch: Scratch, epochs: int) -> None:
        """Lend it to others from now on; ``epochs`` of its numbers were used."""
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


def share_out(work: Callable[[int, int], object], num_queries: int, threads: int, pieces: int = _PARTS) -> None:
    """Call ``work(first, last)`` on ranges that make up all queries, on several threads with so many pieces each."""
    if threads == 1 or num_queries == 1:
        work(0, num_queries)
        return
    bounds = np.linspace(0, num_queries, min(num_queries, pieces * threads) + 1).astype(int).tolist()
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
    pool: ScratchPool,
    lines: npt.NDArray[np.uint64] | None = None,
    order: npt.NDArray[np.int32] = NO_ORDER,
) -> tuple[Rows, Scores, Rows]:
    """Answer by estimates and exact scores of what is plausible; the number of those scores comes third.

    Args:
        stored, queries, subsets, k, threads: of the search.
        errors: errors to allow for.
        pool: where scratch is.
        lines, order: a copy of the lines in another order, which subsets count in then.
    """
    rows, scores = no_rows(len(queries), k)
    scored = np.zeros(len(queries), dtype=np.int64)
    queries, packed, flat = read_only(queries), pack(subsets), stored.vectors.reshape(-1)
    flat_lines = read_only((stored.lines if lines is None else lines).reshape(-1))
    packed_order = read_only(order)

    def work(first: int, last: int) -> None:
        scratch = pool.lend(stored.num, 0)
        one_bit_scan(
            first, last, queries, packed, flat, stored.dead, stored.squared, flat_lines, packed_order, stored.codes.reshape(-1),
            stored.code_numbers.reshape(-1), stored.mean, stored.signs, errors, scratch.values, scratch.rows, rows, scores, scored,
        )  # fmt: skip
        pool.take_back(scratch, 0)

    share_out(work, len(queries), threads)
    return rows, scores, scored


def run_code_scan(
    stored: Stored,
    queries: Floats,
    subsets: Sequence[Subset],
    k: int,
    threads: int,
    *,
    certain: bool,
    pool: ScratchPool,
) -> tuple[Rows, Scores]:
    """Answer by codes of a byte a dimension and exact scores of what is plausible.

    Args:
        stored, queries, subsets, k, threads: of the search.
        certain: whether the answer must be exact.
        pool: where scratch is.
    """
    rows, scores = no_rows(len(queries), k)
    queries, packed, flat = read_only(queries), pack(subsets), stored.vectors.reshape(-1)

    def work(first: int, last: int) -> None:
        scratch = pool.lend(stored.num, 0)
        code_scan(
            first, last, queries, packed, flat, stored.dead, stored.squared, stored.codes.reshape(-1),
            stored.code_numbers.reshape(-1), stored.mean, certain, scratch.values, scratch.rows, rows, scores,
        )  # fmt: skip
        pool.take_back(scratch, 0)

    share_out(work, len(queries), threads)
    return rows, scores


def run_walk(
    stored: Stored,
    queries: Floats,
    subsets: Sequence[Subset],
    k: int,
    threads: int,
    *,
    breadths: Rows,
    least_near: Rows,
    pool: ScratchPool,
) -> tuple[Rows, Scores, Rows, Rows]:
    """Answer by walks.

    Args:
        stored, queries, subsets, k, threads: of the search; subsets are bitmaps or all rows.
        breadths: of each walk, int64.
        least_near: of the ``NEAR`` rows of the sample that are nearest to each query, how many have to pass, int64; else it is left
            unanswered.
        pool: where scratch is.

    Returns:
        Rows and scores; how many of the near rows pass (queries,); and how many rows were looked at (queries,), 0 where no walk was
        made.
    """
    rows, scores = no_rows(len(queries), k)
    near, seen = np.zeros(len(queries), dtype=np.int64), np.zeros(len(queries), dtype=np.int64)
    queries, packed, flat = read_only(queries), pack(subsets), stored.vectors.reshape(-1)

    def work(first: int, last: int) -> None:
        scratch = pool.lend(stored.num, last - first)
        walk(
            first, last, queries, packed, flat, stored.dead, stored.squared, stored.codes.reshape(-1),
            stored.code_numbers.reshape(-1), stored.mean, stored.links, stored.lines.reshape(-1), stored.signs, stored.sample,
            stored.sample_lines, breadths, least_near, scratch.visited, scratch.epoch + 1, scratch.values, scratch.rows,
            rows, scores, near, seen,
        )  # fmt: skip
        pool.take_back(scratch, last - first)

    share_out(work, len(queries), threads)
    return rows, scores, near, seen


def run_shared(
    stored: Stored, queries: Floats, subset: Subset, k: int, threads: int, *, certain: bool = True
) -> tuple[Rows, Scores]:
    """Answer queries that share a filter by matrix products.

    Products are of codes, unless few rows pass. Queries near which more rows lie than were remembered are asked once more, with
    many remembered. Where this is not enough products of vectors answer, and what float32 leaves in doubt exact scans.

    Args:
        stored, queries, subset, k, threads: of the search.
        certain: whether the answer must be exact.
    """
    rows, scores = no_rows(len(queries), k)
    left, queries = np.arange(len(queries)), read_only(queries)
    if subset.size >= CODES_FROM[certain] and stored.codes.shape[1] <= WIDEST:
        for remembered in (3 * k + 34 if certain else k + 14, min(4 * k + _REMEMBERED, subset.size + 1)):
            if left.size:
                rows[left], scores[left], told = _run_codes(
                    stored, queries[left], subset, k, threads, certain=certain, remembered=remembered
                )  # fmt: skip
                left = left[~told]
    if left.size:
        rows[left], scores[left], told = search_shared(
            queries[left], subset, stored.vectors, stored.dead, k=k, half_squares=stored.half_squares, largest=stored.largest
        )  # fmt: skip
        left = left[~told]
    if left.size:
        rows[left], scores[left] = run_exact(stored, queries[left], [subset] * left.size, k, threads)
    return rows, scores


def _run_codes(
    stored: Stored, queries: Floats, subset: Subset, k: int, threads: int, *, certain: bool, remembered: int
) -> tuple[Rows, Scores, npt.NDArray[np.bool_]]:
    """Products of codes; which queries they answered comes third."""
    rows, scores = no_rows(len(queries), k)
    told, queries = np.zeros(len(queries), dtype=np.bool_), read_only(queries)

    def work(first: int, last: int) -> None:
        for start in range(first, last, _AT_ONCE):
            part = slice(start, min(start + _AT_ONCE, last))
            rows[part], scores[part], told[part] = search_codes(
                queries[part], subset, stored.vectors, stored.codes, stored.code_numbers, stored.mean, stored.lengths,
                stored.dead, k=k, squared=stored.squared, exact=certain, remembered=remembered,
            )  # fmt: skip

    # Each thread gathers the rows for itself, which pays where it has many queries.
    share_out(work, len(queries), threads if len(queries) >= _MANY * threads else 1, pieces=1)
    return rows, scores, told


def no_rows(num_queries: int, k: int) -> tuple[Rows, Scores]:
    """The answer before anything is found: rows -1 and scores -inf, (queries, k)."""
    rows, scores = np.empty((num_queries, k), dtype=np.int64), np.empty((num_queries, k))
    rows.fill(-1)
    scores.fill(-np.inf)
    return rows, scores
