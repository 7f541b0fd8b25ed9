"""What adapting a text encoder to the tables brings to links, without labels.

Question: does the encoder adapted on the user's tables find more true partners among the ten nearest, and make better links at
kinfolk's own cut, than the one that was not? It finds more on both sets; F1 of the links is .003 and .004 higher, and
on Abt-Buy differs by as much when the encoder rounds otherwise.

Protocol: Abt-Buy and Amazon-Google, the whole tables, ``kinfolk.link`` with its defaults. Arms: no encoder, all-MiniLM-L6-v2 as it
is, and the same with ``adapt``, three seeds. "recall@10": share of the true pairs whose right record is among the ten nearest of
the left one, by TF-IDF of n-grams or the cosine of the vectors of whole records that link searches. "candidates": share of the
true pairs that are candidates. F1 one to one, at kinfolk's own cut, and at the best one, chosen with the truth, for orientation.
No setting of the training was chosen on these two sets; the other parts of kinfolk were made with them in view.

Run: ``python -m benchmarks.adapt_texts [--sets er-abt-buy er-amazon-google] [--seeds 0 1 2]``, with the extras ``offline`` and
``train``. What is finished is kept. Writes ``benchmarks/results/adapt_texts.json`` and ``adapt_texts.svg``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import kinfolk
from benchmarks.judge import at_cut, best_cut, code_pairs
from benchmarks.plot import dots
from benchmarks.retrieval import code_of, kept, key_of, mean_and_deviation
from benchmarks.sets import RESULTS, TITLES, WORK, read_matches, set_folder
from kinfolk.data import Records
from kinfolk.encoders import encode_cached, load_text_encoder, record_texts
from kinfolk.linking.alignment import COMPARED_ROLES
from kinfolk.linking.candidates import Neighbors, neighbors
from kinfolk.linking.compare import whole_texts
from kinfolk.linking.near_vectors import nearest_between
from kinfolk.linking.spaces import tfidf_space

SETS = ("er-abt-buy", "er-amazon-google")
ARMS = {"n-grams": "no encoder", "minilm": "MiniLM", "adapted": "MiniLM, adapted"}
KEY = key_of({"code": code_of("linking", "methods/texts", "encoders")})
_K = 10


def nearest_ten(arm: str, left: Records, right: Records, run: Path) -> Neighbors:
    """The ten nearest of each record, by what the arm searches whole records by."""
    if arm == "n-grams":
        return neighbors(tfidf_space(whole_texts(left), whole_texts(right)), _K)
    models = ["minilm"] if arm == "minilm" else [str(run / "text-model" / half) for half in ("half-1", "half-2")]
    sides = [
        np.hstack(
            [
                encode_cached(load_text_encoder(model), record_texts(table, table.fields(*COMPARED_ROLES)), run)
                for model in models
            ]
        )
        for table in (left, right)
    ]
    return nearest_between(sides[0], sides[1], _K)


def share_found(near: Neighbors, left: Records, right: Records, truth: list[tuple[str, str]]) -> float:
    """Share of the true pairs that are among the nearest of their left record."""
    ids = [[str(one) for one in table.ids.to_pylist()] for table in (left, right)]
    found = {(ids[0][one], ids[1][other]) for one, other in zip(*near.of_left[:2], strict=True)}
    return sum(pair in found for pair in truth) / len(truth)


def link_once(set_name: str, arm: str, seed: int) -> dict[str, Any]:
    """One call of ``kinfolk.link``, and what it found."""
    folder, run = set_folder(set_name), WORK / "adapt_texts" / f"{set_name}-{arm}-{seed}-{KEY}"
    shutil.rmtree(run, ignore_errors=True)
    began, cpu = time.perf_counter(), time.process_time()
    links = kinfolk.link(
        folder / "left.csv.gz",
        folder / "right.csv.gz",
        encoder=None if arm == "n-grams" else "minilm",
        adapt=arm == "adapted",
        seed=seed,
        run=run,
    )
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    truth = read_matches(set_name)
    sides = [[str(one) for one in table.ids.to_pylist()] for table in (links.left, links.right)]
    rows = [links.scores[name].to_pylist() for name in ("left", "right")]
    ids = [[side[row] for row in of] for side, of in zip(sides, rows, strict=True)]
    pairs = code_pairs(ids[0], ids[1], links.scores["probability"].to_pylist(), truth)
    near = nearest_ten(arm, links.left, links.right, run)
    return {
        "recall@10": share_found(near, links.left, links.right, truth),
        "candidates": int(pairs.correct.sum()) / pairs.num_true,
        "num_pairs": len(pairs.score),
        "own_cut": at_cut(pairs, links.scores["link"].to_numpy()).as_json(),
        "best_cut": best_cut(pairs).as_json(),
        "estimate": asdict(links.estimate)["f1"],
        "notes": [note for note in links.notes if "text encoder" in note],
        "seconds": round(seconds, 1),
        "seconds_cpu": round(cpu_seconds, 1),
        "stages": [asdict(stage) for stage in links.stages],
    }


def table_of(draws: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """Mean and deviation of each measure over the seeds."""
    flat = [
        {
            "recall@10": row["recall@10"],
            "candidates": row["candidates"],
            **{name: row["own_cut"][name] for name in ("f1", "precision", "recall")},
            "best f1": row["best_cut"]["f1"],
            "seconds_cpu": row["seconds_cpu"],
        }
        for row in draws
    ]
    return mean_and_deviation({name: [row[name] for row in flat] for name in flat[0]})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    report: dict[str, Any] = {}
    bands = []
    for name in arguments.sets:
        report[name] = {}
        for arm, title in ARMS.items():
            seeds = arguments.seeds if arm == "adapted" else [0]  # without training nothing is random
            places = [WORK / "adapt_texts" / f"{name}-{arm}-{seed}-{KEY}.json" for seed in seeds]
            draws = [kept(p, partial(link_once, name, arm, seed)) for p, seed in zip(places, seeds, strict=True)]
            table = table_of(draws)
            report[name][arm] = {"table": table, "seeds": seeds, "draws": draws}
            print(
                f"{TITLES[name]:14} {title:16}",
                *(f"{of} {m:.4f} ± {s:.4f} " for of, (m, s) in table.items()),
                flush=True,
            )
        marks = [(ARMS[arm], of["table"]["f1"][0], of["table"]["recall@10"][0]) for arm, of in report[name].items()]
        bands.append((TITLES[name], marks))
    (RESULTS / "adapt_texts.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    title = "F1 of the links at kinfolk's own cut ●, recall@10 of the search alone ○"
    (RESULTS / "adapt_texts.svg").write_text(dots(bands, title), "utf-8")


if __name__ == "__main__":
    main()
