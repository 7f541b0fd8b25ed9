"""What a text encoder adds to linking and to grouping: each set with ``encoder="minilm"`` beside the same set without.

Claim: never worse than without (F1, label-free, the program's own cut).

Protocol: ``kinfolk.link(left, right)`` and ``kinfolk.link(left, right, encoder="minilm")``, a fresh process with two
threads each; ``kinfolk.dedupe(table)`` likewise on the one-table sets, where F1 is that of the pairs. Which cosines to
compare, how many neighbors to take and how to weigh them within one table was chosen on the first four sets and on Cora
with their truth in view. Needs ``kinfolk[offline]``.

Run: ``python -m benchmarks.encoder``. Writes ``benchmarks/results/encoder.json``.
"""

from __future__ import annotations

import argparse
import json

from benchmarks.dedupe import read_predicted
from benchmarks.judge import judge_clusters
from benchmarks.launch import Outcome, link_once
from benchmarks.linking import judge, tables_of
from benchmarks.sets import (
    DEDUPE_SETS,
    LINK_SETS,
    RESULTS,
    TITLES,
    WORK,
    is_link_set,
    read_clusters,
    read_matches,
    set_folder,
)

RESULT = RESULTS / "encoder.json"
ENCODERS = ("none", "minilm")
SETS = (*LINK_SETS, *DEDUPE_SETS[:5])
_COSTS = ("seconds_cpu", "seconds_wall", "mib_peak", "stages")


def run_set(set_name: str, encoder: str) -> Outcome:
    """One run on one set, judged."""
    out = WORK / "encoder" / f"{set_name}-{encoder}"
    if not is_link_set(set_name):
        run = link_once([set_folder(set_name) / "records.csv.gz"], out, encoder=encoder, threads=2)
        return {
            "own_cut": judge_clusters(read_predicted(out), read_clusters(set_name)).as_json(),
            **{name: run[name] for name in _COSTS},
        }
    run = link_once(tables_of(set_name), out, encoder=encoder, threads=2)
    verdict = judge(out, read_matches(set_name))
    return {
        **{name: verdict[name] for name in ("own_cut", "best_cut", "pair_completeness")},
        **{name: run[name] for name in _COSTS},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    options = parser.parse_args()
    results: dict[str, dict[str, Outcome]] = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    for set_name in options.sets:
        results[set_name] = {encoder: run_set(set_name, encoder) for encoder in ENCODERS}
        RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        for encoder, outcome in results[set_name].items():
            linked = ""
            if "best_cut" in outcome:
                best, complete = outcome["best_cut"]["f1"], outcome["pair_completeness"]
                linked = f"(best cut {best:.4f}, candidates {complete:.4f})  "
            print(
                f"{TITLES[set_name]:14} {encoder:7} F1 {outcome['own_cut']['f1']:.4f} {linked}"
                f"{outcome['seconds_wall']:.1f} s, {outcome['seconds_cpu']:.1f} s CPU, {outcome['mib_peak']:.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
