"""Runs the peers on the developer sets, one fresh process each, and judges what they wrote.

Claim it serves: how good the known tools are on the same tables by their documented default path, with no labels
(dedupe: 100), at the cut they choose themselves and at the best cut chosen with the truth.

Protocol: each script of this folder in a process of its own with one thread; at most ``--limit`` seconds of CPU time
(a run that exceeds it is recorded as "did not finish"); one-to-one F1 by ``benchmarks.judge``. Results are committed
under ``benchmarks/results/peers/<set>__<peer>.json``; scored pairs stay in ``benchmarks/.work``.

Run (in the peers' environment, from the root of the repository)::

    python -m benchmarks.peers                                # every peer on every set
    python -m benchmarks.peers --sets er-abt-buy --peers splink dedupe
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.judge import Verdict, at_cut, best_cut, calibration_error, code_pairs, judge_clusters
from benchmarks.sets import DEDUPE_SETS, LINK_SETS, RESULTS, ROOT, WORK, is_link_set, read_clusters, read_matches

# What runs under each name. A tool that compares one string a record is run on whole records and on the main column.
COMMANDS = {
    "tfidf": ("tfidf",),
    "tfidf-main": ("tfidf", "--fields", "main"),
    "rapidfuzz": ("rapidfuzz_token_sort",),
    "rapidfuzz-main": ("rapidfuzz_token_sort", "--fields", "main"),
    "recordlinkage": ("recordlinkage_ecm",),
    "splink": ("splink_em",),
    "dedupe": ("dedupe_labels",),
    "dedupe-random": ("dedupe_labels", "--labelling", "random"),
    "linktransformer-main": ("linktransformer_minilm", "--fields", "main"),
    "linktransformer": ("linktransformer_minilm",),
}
DEDUPE_PEERS = ("splink", "dedupe", "dedupe-random")


def judge_links(set_name: str, path: Path, probability: bool) -> dict[str, object]:
    """Verdicts on the scored pairs of a two-table set."""
    table = pq.read_table(path)
    truth = read_matches(set_name)
    columns = (table["left_id"].to_pylist(), table["right_id"].to_pylist(), table["score"].to_pylist())
    pairs = code_pairs(*columns, truth)
    chosen = table.filter(table["link"])
    own = code_pairs(chosen["left_id"].to_pylist(), chosen["right_id"].to_pylist(), chosen["score"].to_pylist(), truth)
    everything = np.ones(len(own.score), dtype=bool)
    return {
        "own_cut": at_cut(own, everything).as_json(),
        "own_links_as_given": at_cut(own, everything, assign=False).as_json(),
        # A tool's own links may leave out rivals that its scores list; the better of the two is what a cut can reach.
        "best_cut": max(best_cut(pairs), best_cut(own), key=lambda found: found.f1).as_json(),
        "pair_completeness": round(int(pairs.correct.sum()) / pairs.num_true, 5),
        "calibration_error": round(calibration_error(pairs.score, pairs.correct), 5) if probability else None,
    }


def judge_clustering(set_name: str, path: Path, threshold: float) -> dict[str, object]:
    """Verdicts on the clusterings of a one-table set: at the tool's threshold and at the best of the grid."""
    truth = read_clusters(set_name)
    by_threshold: dict[float, dict[str, str]] = defaultdict(dict)
    for row in pq.read_table(path).to_pylist():
        by_threshold[row["threshold"]][row["id"]] = row["cluster_id"]
    verdicts = [judge_clusters(labels, truth, cut) for cut, labels in by_threshold.items()]
    own = next((found for found in verdicts if found.threshold == threshold), judge_clusters({}, truth, threshold))
    best: Verdict = max(verdicts, key=lambda found: found.f1, default=own)
    return {"own_cut": own.as_json(), "best_cut": best.as_json()}


def run(peer: str, set_name: str, seed: int, limit: int) -> dict[str, object]:
    """One peer on one set in a fresh process, judged."""
    kind = "pairs" if is_link_set(set_name) else "clusters"
    stem = f"{set_name}__{peer}" + (f"__seed{seed}" if seed else "")
    path = WORK / kind / f"{stem}.parquet"
    path.unlink(missing_ok=True)
    module, *extra = COMMANDS[peer]
    command = [sys.executable, "-m", f"benchmarks.peers.{module}", set_name, "--seed", str(seed), *extra]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    base: dict[str, object] = {"peer": peer, "set": set_name, "seed": seed, "limit_seconds_cpu": limit}
    log_path = path.with_suffix(".log")
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("w", encoding="utf-8") as log:
        done = subprocess.run(
            command,
            cwd=ROOT,
            # dedupe walks through sets of strings, whose order hangs on the hash seed.
            env={**os.environ, **threads, "PYTHONHASHSEED": "0"},
            stdout=log,
            stderr=log,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
        )
    if done.returncode != 0 or not path.exists():
        # The kernel ends a process past its CPU limit with a signal, which shows as a negative code.
        last = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        reason = f"did not finish in {limit} s of CPU time" if done.returncode < 0 else f"failed: {''.join(last)}"
        return {**base, "finished": False, "reason": reason}
    costs = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    if kind == "pairs":
        verdicts = judge_links(set_name, path, bool(costs["probability"]))
    else:
        verdicts = judge_clustering(set_name, path, float(costs["threshold"]))
    return {**base, "finished": True, **costs, **verdicts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=[*LINK_SETS, *DEDUPE_SETS])
    parser.add_argument("--peers", nargs="+", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0], help="draws of the labels (dedupe only)")
    parser.add_argument("--limit", type=int, default=600, help="seconds of CPU time a run may take")
    parser.add_argument("--skip-done", action="store_true", help="leave runs alone whose result is there")
    options = parser.parse_args()
    folder = RESULTS / "peers"
    folder.mkdir(parents=True, exist_ok=True)
    for set_name in options.sets:
        for peer in options.peers:
            if not is_link_set(set_name) and peer not in DEDUPE_PEERS:
                continue
            for seed in options.seeds if peer.startswith("dedupe") else [0]:
                target = folder / (f"{set_name}__{peer}" + (f"__seed{seed}" if seed else "") + ".json")
                if options.skip_done and target.exists():
                    continue
                outcome = run(peer, set_name, seed, options.limit)
                target.write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
                print(_line(outcome), flush=True)


def _line(outcome: dict[str, object]) -> str:
    head = f"{outcome['set']:18} {outcome['peer']:16} seed {outcome['seed']}"
    if not outcome["finished"]:
        return f"{head}  {outcome['reason']}"
    own, best = outcome["own_cut"], outcome["best_cut"]
    assert isinstance(own, dict)
    assert isinstance(best, dict)
    return (
        f"{head}  own cut {own['f1']:.3f}  best cut {best['f1']:.3f}  "
        f"{outcome['seconds_cpu']:>7} s CPU  {outcome['mib_peak']:>7} MiB"
    )


if __name__ == "__main__":
    main()
