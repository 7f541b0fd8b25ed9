"""Contriever on the documents of two small collections, beside BM25, TF-IDF and the encoder it starts from.

Claims: crops of one's own documents make an encoder find more of what is relevant than it did; they are better views than a span and
what stands around it (inverse cloze).

Protocol: documents (title and abstract) of CISI and CACM together, no query and no judgment. Starts: all-MiniLM-L6-v2; a bag of
subwords of width 128 from scratch, its vocabulary taken from the documents. All arms of a start make the same number of steps by the same
recipe. Judged on the queries of both collections as trec_eval does. Nothing is chosen with them: the recipe of the bag is that of the
method's card, and that of MiniLM one pass at a small step.

Run: ``python -m benchmarks.search_texts [--seeds 3] [--starts minilm bag]``, with the extras ``train`` and ``offline``. Finished
runs are kept. Writes ``benchmarks/results/search_texts.json`` and ``.svg``.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.plot import bars
from benchmarks.retrieval import code_of, kept, key_of, mean_and_deviation
from benchmarks.sets import RESULTS, WORK, data_folder
from benchmarks.training import Claim, verdict
from kinfolk.encoders.text_by_name import text_tower_for
from kinfolk.evaluation.tasks.retrieval import (
    Collection,
    bm25_scores,
    cosine_scores,
    read_collection,
    search_figures,
    tfidf_scores,
)
from kinfolk.methods.fit import train
from kinfolk.methods.texts.model import TextModel

COLLECTIONS = ("ret-cisi", "ret-cacm")
STARTS: dict[str, dict[str, Any]] = {
    "minilm": {
        "encoder": "minilm",
        "encoder_settings": {"max_tokens": 256},
        "recipe": {"epochs": 1, "batch_size": 64, "learning_rate": 2e-5},
        "settings": {"queue_size": 0, "chunk": 128},
    },
    "bag": {
        "encoder": "bag",
        "encoder_settings": {"max_tokens": 256, "width": 128},
        "recipe": {"epochs": 20, "batch_size": 128, "learning_rate": 2e-3},
        "settings": {"queue_size": 0},
    },
}
ARMS = {"crops": {"pieces": "crops"}, "inverse cloze": {"pieces": "inverse_cloze"}}
SETTINGS = {"code": code_of("methods/texts", "objectives", "encoders", "views", "evaluation"), "starts": STARTS}
CLAIMS = (
    *(
        Claim(f"Crops find more than the start: {collection}", "crops", "start", f"{collection} {measure}")
        for collection in COLLECTIONS
        for measure in ("ndcg_at_10", "recall_at_100")
    ),
    *(
        Claim(
            f"Crops are better than inverse cloze: {collection}", "crops", "inverse cloze", f"{collection} ndcg_at_10"
        )
        for collection in COLLECTIONS
    ),
)
PATH = RESULTS / "search_texts.json"


@cache
def collection(name: str) -> Collection:
    return read_collection(data_folder() / name, columns=("title", "abstract"))


def documents() -> list[str]:
    return [text for name in COLLECTIONS for text in collection(name).documents if text.strip()]


def measures(system: str, name: str, scores: Any) -> dict[str, float]:
    found = search_figures(system, scores, collection(name).relevance)
    return {f"{name} {measure}": getattr(found, measure) for measure in ("ndcg_at_10", "recall_at_100", "mrr", "map")}


def judge(model: TextModel) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in COLLECTIONS:
        of = collection(name)
        found |= measures("encoder", name, cosine_scores(model.encode(of.queries), model.encode(of.documents)))
    return found


def by_words() -> dict[str, dict[str, float]]:
    rows: dict[str, dict[str, float]] = {"BM25": {}, "TF-IDF": {}}
    for name in COLLECTIONS:
        of = collection(name)
        rows["BM25"] |= measures("BM25", name, bm25_scores(of.queries, of.documents))
        rows["TF-IDF"] |= measures("TF-IDF", name, tfidf_scores(of.queries, of.documents))
    return rows


def one_run(start: str, seed: int) -> dict[str, Any]:
    """Measures of the start and of all arms."""
    known = STARTS[start]
    folder: Path = WORK / "search_texts" / f"{start}-{seed}-{key_of(SETTINGS)}"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        begun = text_tower_for(documents(), known["encoder"], known["encoder_settings"]).eval()
    rows: dict[str, Any] = {"start": judge(TextModel(begun, {}))}
    for arm, of_arm in ARMS.items():
        began = time.process_time()
        model = train(
            documents(),
            method="contriever",
            output=folder / arm.replace(" ", "-"),
            encoder=known["encoder"],
            encoder_settings=known["encoder_settings"],
            settings={**known["settings"], **of_arm},
            recipe=known["recipe"],
            seed=seed,
        )
        assert isinstance(model, TextModel)
        rows[arm] = {"seconds": time.process_time() - began, **judge(model)}
        print(start, seed, arm, {key: round(value, 3) for key, value in rows[arm].items()}, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--starts", nargs="+", default=list(STARTS), choices=list(STARTS))
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    report: dict[str, Any] = {"settings": SETTINGS, "by words": by_words()}
    shown = [(name, row["ret-cisi ndcg_at_10"], 0.0) for name, row in report["by words"].items()]
    print(report["by words"])
    for start in arguments.starts:
        runs = [
            kept(WORK / "search_texts" / f"{start}-{seed}-{key_of(SETTINGS)}.json", partial(one_run, start, seed))
            for seed in seeds
        ]
        by_seed = {f"{arm} / {seed}": run[arm] for seed, run in zip(seeds, runs, strict=True) for arm in run}
        table = {
            arm: mean_and_deviation({name: [run[arm][name] for run in runs] for name in runs[0][arm]})
            for arm in runs[0]
        }
        report[start] = {"table": table, "verdicts": [verdict(claim, by_seed, seeds) for claim in CLAIMS], "runs": runs}
        shown += [(f"{start}: {arm}", *of["ret-cisi ndcg_at_10"]) for arm, of in table.items()]
        for arm, of in table.items():
            print(f"{start:8} {arm:14}", *(f"{name} {mean:.3f} +- {spread:.3f}" for name, (mean, spread) in of.items()))
        print(*report[start]["verdicts"], sep="\n  ")
    PATH.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    PATH.with_suffix(".svg").write_text(bars(shown, "CISI: nDCG@10"), encoding="utf-8")


if __name__ == "__main__":
    main()
