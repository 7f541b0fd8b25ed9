"""Starting one measured run in a fresh process, and reading back what it wrote."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.sets import ROOT

# What a run wrote into its JSON; the keys are those of the script that wrote it.
Outcome = dict[str, Any]


def run_module(module: str, arguments: Sequence[str], *, threads: int = 1) -> None:
    """Runs ``python -m module`` from the root of the repository.

    Raises:
        RuntimeError: it failed; the message holds the end of what it printed.
    """
    limits = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads)
    )
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, **limits},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise RuntimeError(f"python -m {module} {' '.join(arguments)} ended with {done.returncode}:\n{tail}")


def link_once(
    tables: Sequence[Path], out: Path, *, labels: Path | None = None, encoder: str | None = None, threads: int = 1
) -> Outcome:
    """One run of ``benchmarks.link_once``; returns its ``run.json``."""
    shutil.rmtree(out, ignore_errors=True)
    extra = ["--labels", str(labels)] if labels else []
    extra += ["--encoder", encoder] if encoder else []
    run_module("benchmarks.link_once", [*map(str, tables), "--out", str(out), *extra], threads=threads)
    outcome: Outcome = json.loads((out / "run.json").read_text(encoding="utf-8"))
    return outcome
