"""kinfolk on the one-table sets by its default path, beside Splink and dedupe on the same files.

Claims: pairwise F1 of at least .90 on Cora; better than Splink (no labels) and dedupe (100 labels) on patent
names.

Protocol: ``kinfolk.dedupe(table)``, no option, no label, a fresh process with one thread; pairwise F1 of the
clusters by ``benchmarks.judge``. The stacked sets are two tables put into one: what linking gains from knowing the sides
is lost, so they show the weakness on catalogues. Peers at their own threshold and at the best of a grid, from
``benchmarks/results/peers``.

Run: ``python -m benchmarks.dedupe``. Writes ``benchmarks/results/dedupe.json``.
"""

from __future__ import annotations

import argparse
import json

import pyarrow.parquet as pq

from benchmarks.judge import judge_clusters
from benchmarks.launch import Outcome, link_once
from benchmarks.sets import DEDUPE_SETS, RESULTS, TITLES, WORK, read_clusters, set_folder

PEERS = {"Splink": "splink", "dedupe, 100 labels": "dedupe", "dedupe, 100 random labels": "dedupe-random"}
RESULT = RESULTS / "dedupe.json"


def run_set(set_name: str) -> Outcome:
    """One run on one set, judged, beside what the peers reached."""
    out = WORK / "dedupe" / set_name
    run = link_once([set_folder(set_name) / "records.csv.gz"], out)
    table = pq.read_table(out / "clusters.parquet")
    predicted = dict(zip(table["id"].to_pylist(), table["cluster_id"].to_pylist(), strict=True))
    true = judge_clusters(predicted, read_clusters(set_name)).as_json()
    peers: dict[str, Outcome] = {}
    for title, name in PEERS.items():
        path = RESULTS / "peers" / f"{set_name}__{name}.json"
        if path.exists():
            peers[title] = json.loads(path.read_text(encoding="utf-8"))
    estimate = run["estimate"]
    return {
        "own_cut": true,
        "threshold": run["threshold"],
        "num_clusters": len(set(predicted.values())),
        "estimate": {
            name: {"estimated": [round(estimate[name][end], 4) for end in ("value", "low", "high")], "true": true[name]}
            for name in ("precision", "recall", "f1")
        },
        "seconds_cpu": run["seconds_cpu"],
        "seconds_wall": run["seconds_wall"],
        "mib_peak": run["mib_peak"],
        "stages": run["stages"],
        "peers": peers,
    }


def print_set(set_name: str, outcome: Outcome) -> None:
    """A few lines on one set."""
    own = outcome["own_cut"]
    print(
        f"{TITLES[set_name]:14} kinfolk F1 {own['f1']:.3f} (P {own['precision']:.3f} R {own['recall']:.3f})  "
        f"{outcome['seconds_cpu']:.1f} s CPU  {outcome['mib_peak']:.0f} MiB",
        flush=True,
    )
    for title, peer in outcome["peers"].items():
        if not peer["finished"]:
            print(f"{'':14} {title}: {peer['reason']}")
            continue
        print(
            f"{'':14} {title}: own cut {peer['own_cut']['f1']:.3f}, best cut {peer['best_cut']['f1']:.3f}, "
            f"{peer['seconds_cpu']:.1f} s CPU, {peer['mib_peak']:.0f} MiB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(DEDUPE_SETS), choices=DEDUPE_SETS)
    options = parser.parse_args()
    results: dict[str, Outcome] = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    for set_name in options.sets:
        results[set_name] = run_set(set_name)
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print_set(set_name, results[set_name])


if __name__ == "__main__":
    main()
