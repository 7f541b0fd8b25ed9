"""Killed at random moments, then run again: are the links those of an undisturbed run?

Claim: ``kill -9`` at any moment of ``kinfolk link … --run FOLDER``, then the same command, gives the same links.

Protocol: one undisturbed run gives the links to compare with and the time a run takes. In each trial the command is
started in an empty run folder and killed with its children (SIGKILL) after a random share of that time, ``--kills``
times, each time with the same command; then it is left to finish. Links must be equal in every value, probabilities
included, and nothing written aside may be left behind. Trials draw their moments from ``--seed``.

Run: ``python -m benchmarks.resume`` (on made-up persons), ``python -m benchmarks.resume --set er-abt-buy --trials 50``.
Writes ``benchmarks/results/resume.json``; ends with 1 if any trial differed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.launch import Outcome
from benchmarks.linking import tables_of
from benchmarks.sets import LINK_SETS, RESULTS, WORK
from kinfolk.data.persons import generate_persons

NUM_PERSONS = 3_000


def persons_tables(folder: Path) -> tuple[Path, Path]:
    """Two registers of made-up persons as files."""
    folder.mkdir(parents=True, exist_ok=True)
    persons = generate_persons(NUM_PERSONS, overlap=0.7, seed=1)
    left, right = folder / "left.parquet", folder / "right.parquet"
    pq.write_table(persons.left, left)
    pq.write_table(persons.right, right)
    return left, right


def start(tables: tuple[Path, Path], folder: Path) -> subprocess.Popen[bytes]:
    """The command, in a process group of its own so that it can be killed with its children."""
    command = [sys.executable, "-m", "kinfolk", "link", *map(str, tables)]
    options = ["-o", str(folder / "links.parquet"), "--run", str(folder / "run"), "--quiet"]
    return subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    """Waits for the command to end well.

    Raises:
        RuntimeError: it ended with an error.
    """
    _, errors = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the command ended with {process.returncode}: {errors.decode(errors='replace')[-2000:]}")


def kill_after(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Kills the command with its children after a while; False if it had ended by then."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def stages_done(folder: Path) -> list[str]:
    """The artefacts of a run folder; what is there after a kill tells which stage the kill met."""
    return sorted(path.name for path in (folder / "run").glob("*") if path.is_file())


def trial(tables: tuple[Path, Path], folder: Path, moments: list[float]) -> Outcome:
    """Kills the command at each moment, lets it finish, and tells what was met."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    kills = []
    for moment in moments:
        killed = kill_after(start(tables, folder), moment)
        kills.append({"after_seconds": round(moment, 3), "killed": killed, "artefacts": stages_done(folder)})
    finish(start(tables, folder))
    return {"kills": kills}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=LINK_SETS, help="a developer set instead of made-up persons")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--kills", type=int, default=2, help="kills in each trial")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    work = WORK / "resume"
    tables = tables_of(options.set) if options.set else persons_tables(work / "persons")

    undisturbed = work / "undisturbed"
    shutil.rmtree(undisturbed, ignore_errors=True)
    undisturbed.mkdir(parents=True)
    started = time.perf_counter()
    finish(start(tables, undisturbed))
    seconds = time.perf_counter() - started
    expected = pq.read_table(undisturbed / "links.parquet")
    names = stages_done(undisturbed)

    moments = random.Random(options.seed)
    trials: list[Outcome] = []
    for number in range(options.trials):
        folder = work / "trial"
        outcome = trial(tables, folder, [moments.uniform(0.0, seconds) for _ in range(options.kills)])
        outcome["equal"] = pq.read_table(folder / "links.parquet").equals(expected)
        outcome["left_behind"] = sorted(set(stages_done(folder)) - set(names))
        trials.append(outcome)
        met = ", ".join(f"{kill['after_seconds']:.2f} s" for kill in outcome["kills"] if kill["killed"])
        verdict = "same links" if outcome["equal"] and not outcome["left_behind"] else "DIFFERENT"
        print(f"trial {number + 1:>3}: killed after {met or 'nothing (it had ended)'}: {verdict}", flush=True)

    num_same = sum(outcome["equal"] and not outcome["left_behind"] for outcome in trials)
    found = {
        "tables": options.set or f"{NUM_PERSONS:,} made-up persons a side",
        "seconds_undisturbed": round(seconds, 2),
        "num_trials": len(trials),
        "num_same": num_same,
        "num_kills": sum(kill["killed"] for outcome in trials for kill in outcome["kills"]),
        "trials": trials,
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "resume.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{num_same} of {len(trials)} trials gave the links of the undisturbed run ({found['num_kills']} kills)")
    sys.exit(0 if num_same == len(trials) else 1)


if __name__ == "__main__":
    main()
