"""Search under a slow pair scorer: what ANNCUR and AdaCUR find at equal calls, beside retrieve and rerank.

Claims: ANNCUR finds more of the exact top 10 and 50 than re-ranking what TF-IDF finds; AdaCUR finds the exact top 1 more often than
ANNCUR.

Protocol: three sets, two of which are the same texts under two scorers (``slow_scorer_sets``). All methods get the same number
of scorer calls a query: anchors among the items count as calls, and so does the first stage's re-ranking. ANNCUR: half of the
calls are random anchors, two rounds. AdaCUR: four rounds of equal size. Recall of the exact top k, mean over queries. Seeds draw
the anchor queries and the items of random first rounds, and of the records also the labels that the scorer learned from. The
ridge was chosen on the collection CACM under the first scorer of texts (``--choose``), whose figures are not shown, when it was a
share of the largest singular value and not of the Frobenius norm. ANNCUR and AdaCUR are also measured without it, which is the
default of the index.

Run: ``python -m benchmarks.slow_scorers [--seeds 0 1 2] [--sets CISI "CISI, late interaction" Abt-Buy]``, with the extra
``offline``. Finished runs are kept, and so are the results of sets that are not asked for. Writes
``benchmarks/results/slow_scorers.json`` and ``.svg``, and prints the tables of the guide.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.late_interaction import LateInteraction
from benchmarks.plot import panels
from benchmarks.retrieval import code_of, kept, key_of
from benchmarks.sets import RESULTS, ROOT, WORK
from benchmarks.slow_scorer_sets import NUM_ANCHORS, Searched, records, texts
from kinfolk.search.cross_encoder import CrossEncoderIndex
from kinfolk.search.cross_encoder.cur import recall_of_best

CALLS = (60, 120, 240)
TOPS = (1, 10, 50)
RIDGE = 0.03
RIDGES = (0.0, 0.01, 0.03, 0.1, 0.3)  # to choose from
METHODS: dict[str, dict[str, Any]] = {
    "random": {"rounds": 1},
    "TF-IDF, re-ranked": {"rounds": 1, "first": "TF-IDF"},
    "MiniLM, re-ranked": {"rounds": 1, "first": "MiniLM"},
    "ANNCUR": {"rounds": 2},
    "AdaCUR": {"rounds": 4},
    "AdaCUR from TF-IDF": {"rounds": 4, "first": "TF-IDF"},
    "AdaCUR from MiniLM": {"rounds": 4, "first": "MiniLM"},
}
SETS: dict[str, Callable[[int], Searched]] = {
    "CISI": lambda seed: texts("ret-cisi", seed),
    "CISI, late interaction": lambda seed: texts("ret-cisi", seed, scorer_of=LateInteraction),
    "Abt-Buy": lambda seed: records("er-abt-buy", seed),
}
CLAIMS = (
    *(("ANNCUR finds more than TF-IDF, re-ranked", "ANNCUR", "TF-IDF, re-ranked", k) for k in (10, 50)),
    ("AdaCUR finds more than ANNCUR", "AdaCUR", "ANNCUR", 1),
)
PATH = RESULTS / "slow_scorers.json"

Figures = dict[str, dict[str, dict[str, float]]]  # method, calls, k: recall
Spread = dict[str, dict[str, dict[str, tuple[float, float]]]]  # mean and deviation


def measure(searched: Searched, seed: int, ridge: float, methods: Sequence[str] = tuple(METHODS)) -> Figures:
    index = CrossEncoderIndex(searched.score, ridge=ridge, seed=seed, batch_size=1 << 20)
    index.build(searched.anchors, searched.items)
    figures: Figures = {}
    for method in methods:
        given = METHODS[method]
        figures[method] = {}
        for calls in CALLS:
            stage = searched.first_stages.get(given.get("first", ""))
            first = None if stage is None else stage[:, :calls].tolist()
            found = index.search(searched.queries, max(TOPS), calls=calls, rounds=given["rounds"], first=first)
            ids = found.ids.astype(np.int64)
            figures[method][str(calls)] = {
                str(k): float(recall_of_best(searched.exact, ids[:, :k], k=k).mean()) for k in TOPS
            }
    return figures


def commit() -> str:
    """Of the code that runs; "-dirty" stands behind it where a file was changed since."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def one_run(name: str, seed: int) -> dict[str, Any]:
    searched = SETS[name](seed)
    print(name, seed, searched.facts, flush=True)
    return {
        "commit": commit(),
        "items": len(searched.items),
        "queries": len(searched.queries),
        "calls to build": len(searched.anchors) * len(searched.items),
        **searched.facts,
        "with ridge": measure(searched, seed, RIDGE),
        "without ridge": measure(searched, seed, 0.0, ("ANNCUR", "AdaCUR")),
    }


def spread(runs: list[Figures]) -> Spread:
    """Mean and standard deviation over the seeds."""
    return {
        method: {
            calls: {
                k: (
                    float(np.mean([run[method][calls][k] for run in runs])),
                    float(np.std([run[method][calls][k] for run in runs], ddof=1)) if len(runs) > 1 else 0.0,
                )
                for k in by_k
            }
            for calls, by_k in by_calls.items()
        }
        for method, by_calls in runs[0].items()
    }


def verdicts(runs: list[Figures]) -> list[dict[str, Any]]:
    """For each claim and number of calls the difference, and in how many of the seeds it is positive."""
    found = []
    for claim, method, than, k in CLAIMS:
        for calls in map(str, CALLS):
            differences = [run[method][calls][str(k)] - run[than][calls][str(k)] for run in runs]
            found.append(
                {
                    "claim": claim,
                    "k": k,
                    "calls": int(calls),
                    "difference": float(np.mean(differences)),
                    "seeds in favor": int(sum(one > 0 for one in differences)),
                    "seeds": len(runs),
                }
            )
    return found


def markdown(table: Spread) -> str:
    heads = [f"{calls} calls, top {k}" for calls in CALLS for k in TOPS]
    lines = ["| | " + " | ".join(heads) + " |", "|" + " --- |" * (len(heads) + 1)]
    for method, by_calls in table.items():
        cells = ["{:.3f} ± {:.3f}".format(*by_calls[str(calls)][str(k)]) for calls in CALLS for k in TOPS]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def all_rows(damped: Spread, plain: Spread) -> Spread:
    """All methods, with and without the ridge; it does nothing to what is not approximated."""
    once = {method: row for method, row in damped.items() if METHODS[method]["rounds"] == 1}
    return once | plain | {f"{method}, ridge": row for method, row in damped.items() if method not in once}


def measured(name: str, seeds: list[int]) -> dict[str, Any]:
    """What is reported of a set."""
    settings = {"code": code_of("search/cross_encoder", "linking"), "ridge": RIDGE, "anchor queries": NUM_ANCHORS}
    place = WORK / "slow_scorers"
    runs = [kept(place / f"{name}-{seed}-{key_of(settings)}.json", partial(one_run, name, seed)) for seed in seeds]
    return {
        "settings": settings,
        "seeds": seeds,
        "table": spread([run["with ridge"] for run in runs]),
        "without ridge": spread([run["without ridge"] for run in runs]),
        "verdicts": verdicts([run["with ridge"] for run in runs]),
        "verdicts without ridge": verdicts([run["with ridge"] | run["without ridge"] for run in runs]),
        "runs": runs,
    }


def choose() -> None:
    """Recall on CACM by ridge, to choose one."""
    drawn = [texts("ret-cacm", seed, with_stages=False) for seed in range(2)]
    for ridge in RIDGES:
        runs = [measure(searched, seed, ridge, ("ANNCUR", "AdaCUR")) for seed, searched in enumerate(drawn)]
        print(f"ridge {ridge}", markdown(spread(runs)), sep="\n", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--choose", action="store_true", help="only show what the ridge does on CACM")
    arguments = parser.parse_args()
    if arguments.choose:
        choose()
        return
    sets: dict[str, Any] = json.loads(PATH.read_text("utf-8"))["sets"] if PATH.exists() else {}
    sets |= {name: measured(name, arguments.seeds) for name in arguments.sets}
    sets = {name: sets[name] for name in SETS if name in sets}
    drawn = []
    for name, found in sets.items():
        print(f"\n{name}", markdown(all_rows(found["table"], found["without ridge"])), sep="\n\n")
        for kind in ("verdicts", "verdicts without ridge"):
            print(kind, *found[kind], sep="\n")
        for k in TOPS:
            lines = {
                method: [(calls, by_calls[str(calls)][str(k)][0]) for calls in CALLS]
                for method, by_calls in found["table"].items()
            }
            drawn.append((f"{name}, top {k}", lines))
    PATH.write_text(json.dumps({"sets": sets}, indent=1) + "\n", "utf-8")
    PATH.with_suffix(".svg").write_text(panels(drawn, "Recall of the exact top k", "calls"), "utf-8")


if __name__ == "__main__":
    main()
