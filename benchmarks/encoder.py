"""What a text encoder adds to linking: each set with ``encoder="minilm"`` beside the same set without.

Claim: never worse than without (F1, label-free, the program's own cut).

Protocol: ``kinfolk.link(left, right)`` and ``kinfolk.link(left, right, encoder="minilm")``, a fresh process with two
threads each. Which cosines to compare and how many neighbors to take was chosen on the first four sets with their truth
in view. Needs ``kinfolk[offline]``.

Run: ``python -m benchmarks.encoder``. Writes ``benchmarks/results/encoder.json``.
"""

from __future__ import annotations

import argparse
import json

from benchmarks.launch import Outcome, link_once
from benchmarks.linking import judge, tables_of
from benchmarks.sets import LINK_SETS, RESULTS, TITLES, WORK, read_matches

RESULT = RESULTS / "encoder.json"
ENCODERS = ("none", "minilm")


def run_set(set_name: str, encoder: str) -> Outcome:
    """One run on one set, judged."""
    out = WORK / "encoder" / f"{set_name}-{encoder}"
    run = link_once(tables_of(set_name), out, encoder=encoder, threads=2)
    verdict = judge(out, read_matches(set_name))
    return {
        **{name: verdict[name] for name in ("own_cut", "best_cut", "pair_completeness")},
        **{name: run[name] for name in ("seconds_cpu", "seconds_wall", "mib_peak", "stages")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(LINK_SETS), choices=LINK_SETS)
    options = parser.parse_args()
    results: dict[str, dict[str, Outcome]] = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    for set_name in options.sets:
        results[set_name] = {encoder: run_set(set_name, encoder) for encoder in ENCODERS}
        RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        for encoder, outcome in results[set_name].items():
            print(
                f"{TITLES[set_name]:14} {encoder:7} F1 {outcome['own_cut']['f1']:.4f} "
                f"(best cut {outcome['best_cut']['f1']:.4f}, candidates {outcome['pair_completeness']:.4f})  "
                f"{outcome['seconds_wall']:.1f} s, {outcome['seconds_cpu']:.1f} s CPU, {outcome['mib_peak']:.0f} MiB",
                flush=True,
            )


if __name__ == "__main__":
    main()
