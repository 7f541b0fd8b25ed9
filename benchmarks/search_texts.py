"""Contriever on the documents of two small collections, beside BM25, TF-IDF and the encoder it starts from.

Claims: titles with the abstracts they stand over make an encoder find more of what is relevant than it did, and so do crops of documents
from scratch; crops are better views than a span and what stands around it (inverse cloze).

Protocol: documents (title and abstract) of CISI and CACM together, no query and no judgment. Starts: all-MiniLM-L6-v2; a bag of
subwords of width 128 from scratch, its vocabulary taken from the documents. Arms: Contriever with crops, or with inverse cloze, or with
pairs, the title and the abstract of each of the 3,000 documents that have both. Judged on the queries of both collections as trec_eval
does. Nothing is chosen with them: the recipe of the bag is that of the method's card; that of MiniLM is the better of two step sizes
for titles (2e-5 and 5e-5), by how well it then finds papers that are cited together; abstracts of 300 titles left out were found better
by the other. Crops and inverse cloze from MiniLM take 15 to 20 minutes a seed and are left out.

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

import pyarrow as pa
import torch

from benchmarks.encode_speed import rows_of
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
        "learned_tokens": 128,  # a text is cut there as it is learned
        "recipe": {"epochs": 1, "batch_size": 64, "learning_rate": 2e-5, "precision": "bfloat16"},
        "arms": ("titles",),
    },
    "bag": {
        "encoder": "bag",
        "encoder_settings": {"max_tokens": 256, "width": 128},
        "learned_tokens": 256,
        "recipe": {"epochs": 20, "batch_size": 128, "learning_rate": 2e-3},
        "arms": ("crops", "inverse cloze", "titles"),
    },
}
ARMS: dict[str, dict[str, Any]] = {
    "crops": {"method": "contriever", "settings": {"queue_size": 0, "pieces": "crops"}},
    "inverse cloze": {"method": "contriever", "settings": {"queue_size": 0, "pieces": "inverse_cloze"}},
    "titles": {"method": "contriever", "settings": {"queue_size": 0}, "column": "title", "positive": "abstract"},
}
CODE = code_of("methods/texts", "objectives", "encoders", "views", "evaluation")
SETTINGS = {"code": CODE, "starts": STARTS, "arms": ARMS}
CLAIMS = (
    *(
        Claim(f"{arm.capitalize()} find more than the start: {collection}", arm, "start", f"{collection} {measure}")
        for arm in ("crops", "titles")
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


def titles() -> pa.Table:
    """Titles and abstracts of the documents that have both."""
    rows = [row for name in COLLECTIONS for row in rows_of(data_folder() / name / "docs.csv.gz")]
    both = [{part: row[part] for part in ("title", "abstract")} for row in rows if row["title"] and row["abstract"]]
    return pa.Table.from_pylist(both)


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


def at_start(start: str, seed: int) -> dict[str, float]:
    known = STARTS[start]
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return judge(TextModel(text_tower_for(documents(), known["encoder"], known["encoder_settings"]).eval(), {}))


def place_of(start: str, arm: str, seed: int) -> Path:
    """Where a run is kept; another for other settings."""
    known = STARTS[start]
    settings = {"code": CODE, "start": {key: known[key] for key in known if key != "arms"}, "arm": ARMS.get(arm)}
    return WORK / "search_texts" / f"{start}-{arm.replace(' ', '-')}-{seed}-{key_of(settings)}"


def trained(start: str, arm: str, seed: int) -> dict[str, float]:
    known, began = STARTS[start], time.process_time()
    model = train(
        titles() if arm == "titles" else documents(),
        output=place_of(start, arm, seed),
        encoder=known["encoder"],
        encoder_settings={**known["encoder_settings"], "max_tokens": known["learned_tokens"]},
        recipe=known["recipe"],
        seed=seed,
        **ARMS[arm],
    )
    seconds = time.process_time() - began
    assert isinstance(model, TextModel)
    model.encoder.max_tokens = known["encoder_settings"]["max_tokens"]
    return {"seconds": seconds, **judge(model)}


def runs_of(start: str, seeds: range) -> list[dict[str, Any]]:
    """Measures of the start and of all its arms for each seed."""
    runs: list[dict[str, Any]] = [{} for _ in seeds]
    for arm in ("start", *STARTS[start]["arms"]):
        for seed in seeds:
            drawn = (
                0 if (start, arm) == ("minilm", "start") else seed
            )  # nothing is drawn at the start of a trained encoder
            make = partial(at_start, start, drawn) if arm == "start" else partial(trained, start, arm, drawn)
            place = place_of(start, arm, drawn)
            runs[seed][arm] = kept(place.with_name(f"{place.name}.json"), make)
            print(start, seed, arm, {key: round(value, 3) for key, value in runs[seed][arm].items()}, flush=True)
    return runs


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
        runs = runs_of(start, seeds)
        by_seed = {f"{arm} / {seed}": run[arm] for seed, run in zip(seeds, runs, strict=True) for arm in run}
        table = {
            arm: mean_and_deviation({name: [run[arm][name] for run in runs] for name in runs[0][arm]})
            for arm in runs[0]
        }
        report[start] = {
            "table": table,
            "verdicts": [
                verdict(claim, by_seed, seeds) for claim in CLAIMS if claim.better in runs[0] and claim.worse in runs[0]
            ],
            "runs": runs,
        }
        shown += [(f"{start}: {arm}", *of["ret-cisi ndcg_at_10"]) for arm, of in table.items()]
        for arm, of in table.items():
            print(f"{start:8} {arm:14}", *(f"{name} {mean:.3f} +- {spread:.3f}" for name, (mean, spread) in of.items()))
        print(*report[start]["verdicts"], sep="\n  ")
    PATH.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    PATH.with_suffix(".svg").write_text(bars(shown, "CISI: nDCG@10"), encoding="utf-8")


if __name__ == "__main__":
    main()
