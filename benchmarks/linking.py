"""kinfolk on every developer set by one default path, beside the known tools.

Claims: label-free, with the cut chosen by the program, kinfolk links better than the known tools do, within 0.03 F1 of
the best cut of its own score; its probabilities and its estimates of precision and recall can be believed; it costs at
most four times the CPU time of plain character TF-IDF (ten neighbours) on the same set. With 100 and 1,000 random
labelled candidate pairs it gains further.

Protocol: one call, ``kinfolk.link(left, right)``, no option set for any set. Each run is a fresh process with one
thread; CPU seconds and peak memory are the whole process's. TF-IDF runs alternate with kinfolk's (``--repeats``), and
ratios are of medians. Labels are drawn at random from kinfolk's own label-free candidate pairs and answered from the
truth, ``--draws`` times; calibration with labels is measured on the pairs that were not labelled. The peers' figures
are read from ``benchmarks/results/peers`` (``make bench-peers``). Judged by ``benchmarks.judge``.

Run: ``python -m benchmarks.linking`` (all), ``python -m benchmarks.linking --sets er-abt-buy --labels 100 --draws 5``.
Writes ``benchmarks/results/linking.json`` and ``linking.svg`` and the tables of the README and of docs/measured.md.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from pathlib import Path
from statistics import mean, median, pstdev

import numpy as np
import pyarrow.parquet as pq

from benchmarks.judge import CodedPairs, at_cut, best_cut, calibration_error, code_pairs
from benchmarks.launch import Outcome, link_once, run_module
from benchmarks.plot import dots
from benchmarks.sets import LINK_SETS, RESULTS, TITLES, WORK, read_matches, set_folder
from benchmarks.tables import load_peers, update_pages

RESULT = RESULTS / "linking.json"


def tables_of(set_name: str) -> tuple[Path, Path]:
    """The two files of a set."""
    folder = set_folder(set_name)
    return folder / "left.csv.gz", folder / "right.csv.gz"


def judge(folder: Path, truth: list[tuple[str, str]], labelled: frozenset[tuple[str, str]] = frozenset()) -> Outcome:
    """Verdicts on one run; pairs in ``labelled`` count for F1 and not for calibration."""
    table = pq.read_table(folder / "pairs.parquet")
    ids = list(zip(table["left_id"].to_pylist(), table["right_id"].to_pylist(), strict=True))
    pairs = code_pairs([a for a, _ in ids], [b for _, b in ids], table["score"].to_pylist(), truth)
    if len(pairs.score) != len(ids):
        raise RuntimeError(f"{folder}: {len(ids) - len(pairs.score)} candidate pairs are listed twice")
    link = table["link"].to_numpy()
    unseen = np.array([pair not in labelled for pair in ids])
    # Calibration of pairs near nought alone says little: it is shown for all candidates and for those that matter.
    doubtful = unseen & (pairs.score >= 0.01)
    return {
        "own_cut": at_cut(pairs, link).as_json(),
        "own_links_as_given": at_cut(pairs, link, assign=False).as_json(),
        "best_cut": best_cut(pairs).as_json(),
        "pair_completeness": round(int(pairs.correct.sum()) / pairs.num_true, 5),
        "calibration_error": round(calibration_error(pairs.score[unseen], pairs.correct[unseen]), 5),
        "calibration_error_above_0.01": round(calibration_error(pairs.score[doubtful], pairs.correct[doubtful]), 5),
        "reliability": reliability(pairs),
    }


def reliability(pairs: CodedPairs, num_bins: int = 10) -> list[list[float]]:
    """For each bin of the probability that holds pairs: its mean, the share that is true, and how many there are."""
    bins = np.minimum((pairs.score * num_bins).astype(np.int64), num_bins - 1)
    rows = [(pairs.score[bins == b], pairs.correct[bins == b]) for b in range(num_bins)]
    return [[round(float(p.mean()), 4), round(float(c.mean()), 4), len(p)] for p, c in rows if len(p)]


def run_set(set_name: str, repeats: int) -> Outcome:
    """Label-free runs on one set, alternating with plain TF-IDF; the links must be the same each time."""
    out = WORK / "linking" / set_name
    yardstick: list[float] = []
    runs: list[Outcome] = []
    verdicts: list[Outcome] = []
    for _ in range(repeats):
        run_module("benchmarks.peers.tfidf", [set_name])
        costs = json.loads((WORK / "pairs" / f"{set_name}__tfidf.json").read_text(encoding="utf-8"))
        yardstick.append(costs["seconds_cpu"])
        runs.append(link_once(tables_of(set_name), out))
        verdicts.append(judge(out, read_matches(set_name)))
    if any(verdict != verdicts[0] for verdict in verdicts):
        raise RuntimeError(f"{set_name}: runs on the same tables differ")
    cpu, yard = median(run["seconds_cpu"] for run in runs), median(yardstick)
    estimate = runs[0]["estimate"]
    true = {**verdicts[0]["own_links_as_given"], "candidate_recall": verdicts[0]["pair_completeness"]}
    return {
        **verdicts[0],
        "threshold": runs[0]["threshold"],
        "relation": runs[0]["relation"],
        "estimate": {
            name: {
                "estimated": [round(estimate[name][end], 4) for end in ("value", "low", "high")],
                "true": true[name],
                "covered": estimate[name]["low"] <= true[name] <= estimate[name]["high"],
            }
            for name in ("precision", "recall", "f1", "candidate_recall")
            if estimate[name] is not None
        },
        "num_pairs": runs[0]["num_pairs"],
        "seconds_cpu": round(cpu, 2),
        "seconds_wall": round(median(run["seconds_wall"] for run in runs), 2),
        "mib_peak": max(run["mib_peak"] for run in runs),
        "seconds_cpu_tfidf": round(yard, 2),
        "times_tfidf": round(cpu / yard, 2),
        "repeats": repeats,
        "stages": runs[0]["stages"],
    }


def run_labelled(set_name: str, num_labels: int, draws: int) -> Outcome:
    """Runs with random labels among the label-free candidates, one draw after the other."""
    candidates = pq.read_table(WORK / "linking" / set_name / "pairs.parquet", columns=["left_id", "right_id"])
    ids = list(zip(candidates["left_id"].to_pylist(), candidates["right_id"].to_pylist(), strict=True))
    truth = read_matches(set_name)
    true = set(truth)
    results = []
    for draw in range(draws):
        chosen = random.Random(draw).sample(ids, min(num_labels, len(ids)))
        out = WORK / "linking" / f"{set_name}__{num_labels}_labels_{draw}"
        labels = out.with_suffix(".csv")
        labels.parent.mkdir(parents=True, exist_ok=True)
        with labels.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["left_id", "right_id", "label"])
            writer.writerows([a, b, int((a, b) in true)] for a, b in chosen)
        run = link_once(tables_of(set_name), out, labels=labels)
        verdict = judge(out, truth, frozenset(chosen))
        verdict["labels_match"] = sum(pair in true for pair in chosen)
        verdict["seconds_cpu"] = run["seconds_cpu"]
        results.append(verdict)
    f1 = [verdict["own_cut"]["f1"] for verdict in results]
    return {"f1_mean": round(mean(f1), 5), "f1_spread": round(pstdev(f1), 5), "draws": results}


def line(set_name: str, outcome: Outcome) -> str:
    """One set in one line."""
    own, best = outcome["own_cut"], outcome["best_cut"]
    labelled = "".join(
        f"  {num} labels {found['f1_mean']:.3f} ± {found['f1_spread']:.3f}"
        for num, found in outcome.get("labels", {}).items()
    )
    return (
        f"{TITLES[set_name]:14} F1 {own['f1']:.3f} (P {own['precision']:.3f} R {own['recall']:.3f})  "
        f"best cut {best['f1']:.3f}  ECE {outcome['calibration_error']:.3f}  "
        f"completeness {outcome['pair_completeness']:.3f}  {outcome['seconds_cpu']:.1f} s CPU = "
        f"{outcome['times_tfidf']:.1f} x TF-IDF  {outcome['mib_peak']:.0f} MiB{labelled}"
    )


def draw_plot(results: dict[str, Outcome]) -> None:
    """F1 of kinfolk and of every peer, set by set: filled at the tool's own cut, hollow at its best cut."""
    rows = []
    for name in (name for name in LINK_SETS if name in results):
        marks = [("kinfolk", results[name]["own_cut"]["f1"], results[name]["best_cut"]["f1"])]
        for title, peer in load_peers(name).items():
            if peer["finished"]:
                marks.append((title, peer["own_cut"]["f1"], peer["best_cut"]["f1"]))
        rows.append((TITLES[name], marks))
    (RESULTS / "linking.svg").write_text(dots(rows, "F1, one-to-one: own cut ●, best cut ○"), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(LINK_SETS), choices=LINK_SETS)
    parser.add_argument("--repeats", type=int, default=3, help="runs of kinfolk and TF-IDF, alternating")
    parser.add_argument("--labels", nargs="*", type=int, default=[100, 1000], help="numbers of labels to try")
    parser.add_argument("--draws", type=int, default=5, help="random draws of the labels")
    options = parser.parse_args()
    # Sets that are not run now keep what an earlier run found.
    results: dict[str, Outcome] = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    for set_name in options.sets:
        outcome = run_set(set_name, options.repeats)
        outcome["labels"] = {str(num): run_labelled(set_name, num, options.draws) for num in options.labels}
        results[set_name] = outcome
        RESULT.parent.mkdir(parents=True, exist_ok=True)
        RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(line(set_name, outcome), flush=True)
    draw_plot(results)
    update_pages(results)


if __name__ == "__main__":
    main()
