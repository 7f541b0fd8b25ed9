"""A run of the study: engines built, and every cell asked of each in turn, kept cell by cell so that a stopped run goes on.

Protocol: one core; k neighbors; one query a call, a batch in which each query has its filter, a batch that shares one of them; filters
evaluated inside the timed region; engines in turns, cell by cell, each time another one first; efforts from low to high until the recall
is reached, so that throughput at a recall is that of the smallest effort that reaches it.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import numpy as np

from kinfolk.data.atomic import atomic_write
from kinfolk.data.run import Run
from kinfolk.errors import ConfigurationError, KinfolkError
from kinfolk.search.metric import stored_form
from kinfolk.search.study.engine import Engine
from kinfolk.search.study.layout import TRUTH, Cell, Study
from kinfolk.search.study.measuring import Asked, measured
from kinfolk.search.study.timing import built, one_core, wait_until_idle
from kinfolk.search.study.truth import Truth

RESULTS = "results.json"
_CELLS, _BUILDS = "measured", "builds"

Result = dict[str, Any]


class Told(Protocol):
    """What may be told how far a run is."""

    def begin(self, stage: str) -> None:
        """A stage of this name begins."""
        ...

    def advance(self, share: float) -> None:
        """This share of the stage is done, in [0, 1]."""
        ...


def run_study(
    study: Study,
    engines: Sequence[Engine],
    folder: str | Path,
    *,
    k: int = 10,
    recall: float = 0.95,
    seconds: float = 0.3,
    told: Told | None = None,
) -> Result:
    """Measure engines on all cells of a study, and write ``results.json``.

    Args:
        study: its vectors and queries are divided by their lengths.
        engines: with names of their own. One whose build or cell fails with an error of this package is named with the reason.
        folder: keeps what is done; a run of other data or settings is refused there.
        k: neighbors to find, from 1 to 100.
        recall: at which throughput is stated, in (0, 1].
        seconds: about how long each engine is measured at each effort, in each mode and cell.
        told: is told what is done.

    Returns:
        What was written: ``about``, ``builds`` by engine, ``cells`` with their shares and lifts, and ``measured`` by cell and engine.

    Raises:
        ConfigurationError: k, recall or seconds out of range; two engines of one name.
        RunError: the folder holds another run.
        DataError: vectors that are not finite; or the folder cannot be written to.
    """
    _check(engines, k, recall, seconds)
    folder = Path(folder)
    Run(folder, {"data": _fingerprint(study), "k": str(k), "recall": str(recall), "seconds": str(seconds)})
    study = replace(
        study,
        vectors=stored_form(study.vectors, name="vectors", metric="cosine"),
        queries=stored_form(study.queries, name="queries", metric="cosine"),
    )
    with one_core():
        builds = _build(study, engines, folder, told)
        cells: dict[str, Result] = {}
        found: dict[str, dict[str, Result]] = {}
        asked_now: set[str] = set()
        truth: Truth | None = None
        if told is not None:
            told.begin("measure")
        for number, cell in enumerate(study.cells):
            place = folder / _CELLS / cell.name
            turn = [*engines[number % len(engines) :], *engines[: number % len(engines)]]
            missing = [
                engine
                for engine in turn
                if "failed" not in builds[engine.name] and not _path(place, engine.name).exists()
            ]
            if missing or not (place / "cell.json").exists():
                truth = truth or Truth(study.vectors, study.attributes)
                asked = Asked.of(cell, study.queries, truth, k)
                _write(place / "cell.json", _facts(cell, truth, study))
                for engine in missing:
                    asked_now.add(engine.name)
                    _write(_path(place, engine.name), _tried(engine, asked, truth, recall, seconds))
            cells[cell.name] = _read(place / "cell.json")
            found[cell.name] = {
                engine.name: _read(_path(place, engine.name))
                for engine in engines
                if "failed" not in builds[engine.name]
            }
            if told is not None:
                told.advance((number + 1) / len(study.cells))
        for engine in engines:
            if engine.name in asked_now:  # what engines make when they are first asked takes room, too
                builds[engine.name]["bytes_a_row"] = engine.num_bytes() / len(study.vectors)
                _write(folder / _BUILDS / f"{engine.name}.json", builds[engine.name])
    about = {
        "rows": len(study.vectors), "dim": study.vectors.shape[1], "queries": len(study.queries), "k": k,
        "recall": recall, "seconds": seconds, "machine": platform.processor() or platform.machine(),
        "study": dict(study.facts),
    }  # fmt: skip
    results = {"about": about, "builds": builds, "cells": cells, "measured": found}
    _write(folder / RESULTS, results)
    return results


def _build(study: Study, engines: Sequence[Engine], folder: Path, told: Told | None) -> dict[str, Result]:
    """Build the engines that still have something to do, and say what all cost."""
    builds: dict[str, Result] = {}
    for engine in engines:
        path = folder / _BUILDS / f"{engine.name}.json"
        done = all(_path(folder / _CELLS / cell.name, engine.name).exists() for cell in study.cells)
        if not (done and path.exists()):
            if told is not None:
                told.begin(f"build {engine.name}")
            _write(path, _built(engine, study))
            wait_until_idle()
        builds[engine.name] = _read(path)
    return builds


def _built(engine: Engine, study: Study) -> Result:
    try:
        wall, cpu = built(lambda: engine.build(study.vectors, study.attributes))
    except KinfolkError as error:
        return {"about": engine.about, "failed": str(error)}
    return {
        "about": engine.about,
        "effort": engine.effort,
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "bytes_a_row": engine.num_bytes() / len(study.vectors),
    }


def _tried(engine: Engine, asked: Asked, truth: Truth, recall: float, seconds: float) -> Result:
    try:
        return {mode: list(points) for mode, points in measured(engine, asked, truth, recall, seconds).items()}
    except KinfolkError as error:
        return {"failed": str(error)}


def _facts(cell: Cell, truth: Truth, study: Study) -> Result:
    """What a cell is, and how its filters lie to its queries."""
    unfiltered = next((other.truth for other in study.cells if other.name == "none"), None)
    if unfiltered is None:
        unfiltered = truth.nearest(study.queries, [()] * len(study.queries), TRUTH)
    sizes = [truth.passing(terms)[1] for terms in cell.terms]
    lifts = truth.lift(cell.terms, unfiltered)
    return {
        "row": cell.row,
        "share": cell.share,
        "about": cell.about,
        "passing": float(np.mean(sizes)) / len(study.vectors),
        "lift": median(lifts) if lifts else None,
        "lift_below_1": float(np.mean(np.array(lifts) < 1)) if lifts else None,
    }


def _check(engines: Sequence[Engine], k: int, recall: float, seconds: float) -> None:
    if not 1 <= k <= TRUTH:
        raise ConfigurationError(f"k must be from 1 to {TRUTH}, as many as a study has true neighbors. Got {k}.")
    if not 0 < recall <= 1:
        raise ConfigurationError(f"recall must be above 0 and at most 1. Got {recall}.")
    if not seconds > 0:
        raise ConfigurationError(f"seconds must be above 0. Got {seconds}.")
    names = [engine.name for engine in engines]
    if not names or len(set(names)) != len(names):
        raise ConfigurationError(f"A run needs engines with names of their own. Got {', '.join(names) or 'none'}.")


def _fingerprint(study: Study) -> str:
    """Changes where the rows, the queries or the filters do; of many rows it looks at some."""
    digest = hashlib.sha256(repr(study.vectors.shape).encode())
    digest.update(np.ascontiguousarray(study.vectors[:: max(1, len(study.vectors) // 1000)]).tobytes())
    digest.update(np.ascontiguousarray(study.queries).tobytes())
    for cell in study.cells:
        digest.update(repr((cell.name, list(cell.terms))).encode())
    return digest.hexdigest()[:16]


def _path(place: Path, engine: str) -> Path:
    return place / f"{engine}.engine.json"


def _read(path: Path) -> Result:
    return dict(json.loads(path.read_text("utf-8")))


def _write(path: Path, value: Result) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
