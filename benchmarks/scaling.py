"""How kinfolk's time and memory grow with the tables.

Claim: near-linear: two registers of 5,000, 20,000, 100,000 and 500,000 made-up persons each (``kinfolk.data.persons``,
80 % in both, seed 0), linked by the default path; the largest within 24 GB.

Protocol: each size in a fresh process; the registers are made and written as Parquet beforehand and are not
part of the measurement, reading them is. Reported: wall and CPU seconds, peak memory, F1; the slope of the log
of CPU seconds against the log of records, over all sizes and for each step (1 is linear; the smallest size is
partly imports).

Run: ``python -m benchmarks.scaling`` (``--sizes 5000 20000`` for a quick look). Writes
``benchmarks/results/scaling.json`` and ``scaling.svg``.
"""

from __future__ import annotations

import argparse
import json
import os

import numpy as np
import pyarrow.parquet as pq

from benchmarks.judge import verdict
from benchmarks.launch import Outcome, link_once
from benchmarks.plot import growth
from benchmarks.sets import RESULTS, WORK
from kinfolk.data.persons import generate_persons

SIZES = (5_000, 20_000, 100_000, 500_000)


def run_size(num: int, threads: int) -> Outcome:
    """Links two registers of ``num`` persons each."""
    folder = WORK / "persons" / str(num)
    folder.mkdir(parents=True, exist_ok=True)
    persons = generate_persons(num, overlap=0.8, seed=0)
    paths = [folder / f"{side}.parquet" for side in ("left", "right")]
    for path, table in zip(paths, (persons.left, persons.right), strict=True):
        pq.write_table(table, path)
    run = link_once(paths, folder / "run", threads=threads)
    pairs = pq.read_table(folder / "run" / "pairs.parquet", columns=["left_id", "right_id", "link"])
    links = pairs.filter(pairs["link"])
    true = set(zip(persons.truth["left_id"].to_pylist(), persons.truth["right_id"].to_pylist(), strict=True))
    linked = list(zip(links["left_id"].to_pylist(), links["right_id"].to_pylist(), strict=True))
    kept = ("seconds_cpu", "seconds_wall", "mib_peak", "num_pairs", "estimate", "stages")
    return {
        "num": num,
        **verdict(sum(pair in true for pair in linked), len(linked), len(true)).as_json(),
        **{key: run[key] for key in kept},
    }


def slopes(rows: list[Outcome]) -> Outcome:
    """Slope of log CPU seconds against log records: least squares over all sizes, and from each size to the next."""
    if len(rows) < 2:
        return {}
    x = np.log([row["num"] for row in rows])
    y = np.log([row["seconds_cpu"] for row in rows])
    return {
        "all": round(float(np.polyfit(x, y, 1)[0]), 3),
        "steps": [round(float(step), 3) for step in np.diff(y) / np.diff(x)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    rows: list[Outcome] = []
    for num in sorted(options.sizes):
        row = run_size(num, options.threads)
        rows.append(row)
        print(
            f"{num:>9,} x {num:,}: {row['seconds_wall']:.1f} s wall, {row['seconds_cpu']:.1f} s CPU, "
            f"{row['mib_peak']:,.0f} MiB, F1 {row['f1']:.4f}",
            flush=True,
        )
        found = {"threads": options.threads, "slopes": slopes(rows), "sizes": rows}
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "scaling.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("slope of log CPU seconds against log records:", slopes(rows))
    series = [
        ("CPU seconds", [(row["num"], row["seconds_cpu"]) for row in rows]),
        ("wall seconds", [(row["num"], row["seconds_wall"]) for row in rows]),
        ("peak MiB", [(row["num"], row["mib_peak"]) for row in rows]),
    ]
    plot = growth(series, "Linking two registers of made-up persons", "records in each register")
    (RESULTS / "scaling.svg").write_text(plot, encoding="utf-8")


if __name__ == "__main__":
    main()
