"""kinfolk on the one-table sets by its default path, beside Splink and dedupe on the same files.

Claims: pairwise F1 of at least .90 on Cora; better than Splink (no labels) and dedupe (100 labels) on patent
names.

Protocol: ``kinfolk.dedupe(table)``, no option, no label, a fresh process with one thread; pairwise F1 of the
clusters by ``benchmarks.judge``. With labels: pairs drawn at random from kinfolk's own label-free candidates, answered
from the truth and given as ``labels``, ``--draws`` times; mean and spread of the F1 at the program's own cut. The
stacked sets are two tables put into one: what linking gains from knowing the sides is lost, so they show the weakness
on catalogues. Peers at their own threshold and at the best of a grid, from ``benchmarks/results/peers``.

Run: ``python -m benchmarks.dedupe`` (all), ``python -m benchmarks.dedupe --sets febrl1 --labels`` (without labels).
Writes ``benchmarks/results/dedupe.json``.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from pathlib import Path
from statistics import mean, pstdev

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
    predicted = read_predicted(out)
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


def read_predicted(folder: Path) -> dict[str, str]:
    """The cluster of every record that a run wrote, by record id."""
    table = pq.read_table(folder / "clusters.parquet")
    return dict(zip(table["id"].to_pylist(), table["cluster_id"].to_pylist(), strict=True))


def run_labelled(set_name: str, num_labels: int, draws: int) -> Outcome:
    """Runs with random labels among the label-free candidates, one draw after the other."""
    candidates = pq.read_table(WORK / "dedupe" / set_name / "pairs.parquet", columns=["left_id", "right_id"])
    ids = list(zip(candidates["left_id"].to_pylist(), candidates["right_id"].to_pylist(), strict=True))
    truth = read_clusters(set_name)
    results = []
    for draw in range(draws):
        chosen = random.Random(draw).sample(ids, min(num_labels, len(ids)))
        out = WORK / "dedupe" / f"{set_name}__{num_labels}_labels_{draw}"
        labels = out.with_suffix(".csv")
        with labels.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["left_id", "right_id", "label"])
            writer.writerows([a, b, int(truth[a] == truth[b])] for a, b in chosen)
        run = link_once([set_folder(set_name) / "records.csv.gz"], out, labels=labels)
        verdict = judge_clusters(read_predicted(out), truth).as_json()
        matches = sum(truth[a] == truth[b] for a, b in chosen)
        results.append({"own_cut": verdict, "labels_match": matches, "seconds_cpu": run["seconds_cpu"]})
    f1 = [result["own_cut"]["f1"] for result in results]
    return {"f1_mean": round(mean(f1), 5), "f1_spread": round(pstdev(f1), 5), "draws": results}


def print_set(set_name: str, outcome: Outcome) -> None:
    """A few lines on one set."""
    own = outcome["own_cut"]
    print(
        f"{TITLES[set_name]:14} kinfolk F1 {own['f1']:.3f} (P {own['precision']:.3f} R {own['recall']:.3f})  "
        f"{outcome['seconds_cpu']:.1f} s CPU  {outcome['mib_peak']:.0f} MiB",
        flush=True,
    )
    for number, labelled in outcome["labels"].items():
        print(f"{'':14} kinfolk, {number} labels: {labelled['f1_mean']:.3f} ± {labelled['f1_spread']:.3f}")
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
    parser.add_argument("--labels", nargs="*", type=int, default=[100], help="numbers of labels to try")
    parser.add_argument("--draws", type=int, default=5, help="random draws of the labels")
    options = parser.parse_args()
    results: dict[str, Outcome] = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    for set_name in options.sets:
        outcome = run_set(set_name)
        outcome["labels"] = {str(number): run_labelled(set_name, number, options.draws) for number in options.labels}
        results[set_name] = outcome
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print_set(set_name, results[set_name])


if __name__ == "__main__":
    main()
