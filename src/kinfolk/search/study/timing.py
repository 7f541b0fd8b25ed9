"""What one engine takes for the queries of one cell, on one core."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np
from threadpoolctl import threadpool_limits

from kinfolk.search.study.engine import Engine, Rows
from kinfolk.search.study.terms import Terms
from kinfolk.search.study.vecs import Vectors

Mode: TypeAlias = Literal["one", "batch", "shared"]
MODES: tuple[Mode, ...] = get_args(Mode)
"""One query a call; all in a call, each with its filter; all in a call under one filter."""

_FEWEST = 10  # queries that are measured at least
_MOST_TURNS = 5


@dataclass(frozen=True)
class Timed:
    """An engine at one effort on the queries of a cell.

    Attributes:
        wall, cpu: seconds a query, filter included; the median over the turns. CPU time is that of the whole process.
        turns: how often the queries were asked.
        answers: the rows found, int64 (queries asked, k).
    """

    wall: float
    cpu: float
    turns: int
    answers: Rows


def timed(
    engine: Engine,
    mode: Mode,
    queries: Vectors,
    filters: Sequence[Terms],
    k: int,
    effort: float,
    *,
    seconds: float,
) -> Timed:
    """Ask an engine the queries of a cell until the time is over, and at least once after a first call that is not counted.

    Args:
        engine: built.
        mode: how queries come.
        queries: (queries, dim). Slow engines are asked fewer, the first, but at least 10.
        filters: one for each query; a single one for ``shared``.
        k: how many neighbors.
        effort: of the engine.
        seconds: about how long to measure.
    """
    # The first calls compile kernels and fill caches.
    few = min(_FEWEST, len(queries))
    _ask(engine, mode, queries[:1], filters, k, effort)
    began = time.perf_counter()
    _ask(engine, mode, queries[:few], filters, k, effort)
    estimate = (time.perf_counter() - began) / few
    num = min(len(queries), max(few, int(seconds / max(estimate, 1e-9))))
    walls: list[float] = []
    cpus: list[float] = []
    while not walls or (len(walls) < _MOST_TURNS and sum(walls) * num < seconds):
        wall, cpu = time.perf_counter(), time.process_time()
        answers = _ask(engine, mode, queries[:num], filters, k, effort)
        cpus.append((time.process_time() - cpu) / num)
        walls.append((time.perf_counter() - wall) / num)
    return Timed(statistics.median(walls), statistics.median(cpus), len(walls), answers)


def _ask(engine: Engine, mode: Mode, queries: Vectors, filters: Sequence[Terms], k: int, effort: float) -> Rows:
    if mode == "shared":
        return engine.search(queries, filters, k, effort)
    if mode == "batch":
        return engine.search(queries, filters[: len(queries)], k, effort)
    return np.concatenate(
        [engine.search(queries[row : row + 1], filters[row : row + 1], k, effort) for row in range(len(queries))]
    )


def built(build: Callable[[], None]) -> tuple[float, float]:
    """Wall and CPU seconds of a build."""
    wall, cpu = time.perf_counter(), time.process_time()
    build()
    return time.perf_counter() - wall, time.process_time() - cpu


def wait_until_idle() -> None:
    """Wait until nothing of the process works any more, such as what engines tidy up behind a build; 20 seconds at the longest."""
    for _ in range(100):
        before = time.process_time()
        time.sleep(0.2)
        if time.process_time() - before < 0.03:
            return


@contextmanager
def one_core() -> Iterator[None]:
    """Keep all threads of this process, those to come included, on one core, where the system can; math libraries use one thread."""
    tasks = Path("/proc/self/task")
    with threadpool_limits(1):
        if not hasattr(os, "sched_setaffinity") or not tasks.is_dir():
            yield
            return
        before = os.sched_getaffinity(0)
        try:
            _keep(tasks, {max(before)})
            yield
        finally:
            _keep(tasks, before)


def _keep(tasks: Path, cores: set[int]) -> None:
    for task in tasks.iterdir():
        try:
            os.sched_setaffinity(int(task.name), cores)
        except ProcessLookupError:  # it has just ended
            continue
