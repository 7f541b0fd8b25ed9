"""SimCSE, WhitenedCSE and DebCSE on sentences of Wikipedia, beside the encoder they start from.

Claims: WhitenedCSE spreads sentences more evenly than SimCSE. DebCSE takes two sentences less for different because their lengths
are, and less for the same because their words are. Each is better than its start on semantic textual similarity.

Protocol: unlabeled sentences of WikiText-2, none of which is in a test set; all arms of a start make as many steps on as many
sentences, at most 32 tokens each, by one recipe. Starts: all-MiniLM-L6-v2, which was trained on a billion pairs; and a transformer
of two layers from scratch, warmed up by crops of the sentences (Contriever), for DebCSE needs an encoder that judges meaning, and
dropout alone teaches a new one nothing: its loss is zero within an epoch. "Untrained" is that one before the warm-up. Judged:
Spearman over all pairs of STS 2012, 2013, 2014, 2016, of the test part of the STS Benchmark and of SICK-R; alignment and uniformity
on the STS Benchmark; length bias (0 is best) on its test part; captions with two parts swapped (SugarCrepe) beside another caption of
the same picture: surface accuracy, the share to which the other caption is nearer, and the distance of the swapped one as a share of that
of the other, which was added when the accuracy had been seen to be 0 for all. Nothing is chosen with any of them.

Run: ``python -m benchmarks.sentences [--seeds 3] [--starts minilm scratch]``, with the extras ``train`` and ``offline``. Finished runs
are kept. Writes ``benchmarks/results/sentences.json`` and ``.svg``.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import time
from collections import defaultdict
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.plot import bars
from benchmarks.retrieval import code_of, kept, key_of, mean_and_deviation
from benchmarks.sets import RESULTS, WORK, data_folder
from benchmarks.training import Claim, verdict
from kinfolk.encoders.text_by_name import text_tower_for
from kinfolk.evaluation.sts import evaluate_similarity, length_bias, surface_accuracy
from kinfolk.methods.fit import train
from kinfolk.methods.texts.model import TextModel

ARMS = ("simcse", "whitenedcse", "debcse")
STARTS: dict[str, Any] = {
    "minilm": {
        "encoder_settings": {"max_tokens": 32},
        "recipe": {"epochs": 1, "batch_size": 64, "learning_rate": 3e-5},
        "sentences": 3_200,
    },
    "scratch": {
        "encoder_settings": {"max_tokens": 32, "width": 128, "depth": 2, "heads": 4},
        "recipe": {"epochs": 2, "batch_size": 64, "learning_rate": 5e-4, "warmup_epochs": 0.5},
        "sentences": None,  # all
    },
}
CROPS = {"queue_size": 0, "chunk": 32}  # the warm-up of a start from scratch
SETTINGS = {
    "crops": CROPS,
    "code": code_of("methods/texts", "objectives", "encoders", "views"),
    "starts": STARTS,
}
SETS = ("sts2012", "sts2013", "sts2014", "sts2016", "stsb-en", "sick-r")
CLAIMS = (
    Claim("WhitenedCSE is more even than SimCSE", "simcse", "whitenedcse", "uniformity"),
    Claim("DebCSE minds length less than SimCSE", "debcse", "simcse", "less length bias"),
    Claim("DebCSE minds length less than the start", "debcse", "start", "less length bias"),
    Claim("DebCSE minds words less than SimCSE", "debcse", "simcse", "swapped distance"),
    Claim("DebCSE minds words less than the start", "debcse", "start", "swapped distance"),
    *(Claim(f"{arm} is better than the start", arm, "start", "mean") for arm in ARMS),
    Claim("WhitenedCSE is better than SimCSE", "whitenedcse", "simcse", "mean"),
    Claim("DebCSE is better than SimCSE", "debcse", "simcse", "mean"),
)
PATH = RESULTS / "sentences.json"

Encode = Callable[[list[str]], npt.NDArray[np.float32]]
Pairs = tuple[list[str], list[str], list[float]]


def rows_of(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@cache
def pairs_of(name: str) -> Pairs:
    """Test pairs of a set with their gold scores."""
    rows = rows_of(data_folder() / "sts" / f"{name}.csv.gz")
    tested = [row for row in rows if row["split"] == "test"] if name in ("stsb-en", "sick-r") else rows
    return [r["sentence1"] for r in tested], [r["sentence2"] for r in tested], [float(r["score"]) for r in tested]


@cache
def swapped() -> tuple[list[str], list[str], list[str]]:
    """Captions, another caption of the same picture, and the caption with two parts swapped."""
    rows = rows_of(data_folder() / "compose-sugarcrepe" / "items.csv.gz")
    of_picture: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        of_picture[row["coco_val2017_file"]].append(row["caption"].strip())
    found = []
    for row in rows:
        mine = row["caption"].strip()
        others = [caption for caption in of_picture[row["coco_val2017_file"]] if caption != mine]
        if row["kind"].startswith("swap") and others:
            found.append((mine, others[0], row["negative_caption"].strip()))
    captions, paraphrases, swaps = (list(column) for column in zip(*found, strict=True))
    return captions, paraphrases, swaps


def judge(encode: Encode) -> dict[str, float]:
    measures: dict[str, float] = {}
    for name in SETS:
        first, second, gold = pairs_of(name)
        vectors = (encode(first), encode(second))
        found = evaluate_similarity(*vectors, gold)
        measures[name] = found.spearman
        if name == "stsb-en":
            assert found.alignment is not None
            lengths = tuple([len(text.split()) for text in side] for side in (first, second))
            bias = length_bias((vectors[0] * vectors[1]).sum(1), gold, (lengths[0], lengths[1]))
            measures |= {
                "alignment": found.alignment,
                "uniformity": found.uniformity,
                "length bias": bias,
                "less length bias": -abs(bias),
            }
    measures |= by_words(encode)
    measures["mean"] = float(np.mean([measures[name] for name in SETS]))
    return measures


def by_words(encode: Encode) -> dict[str, float]:
    """How captions with two parts swapped stand to the original, beside another caption of the same picture."""
    captions, paraphrases, swaps = (encode(texts) for texts in swapped())
    right, wrong = (captions * paraphrases).sum(1), (captions * swaps).sum(1)
    return {
        "surface accuracy": surface_accuracy(right, wrong),
        "swapped distance": float((1 - wrong).mean() / (1 - right).mean()),
    }


def sentences(count: int | None, seed: int) -> list[str]:
    texts = list(
        dict.fromkeys(row["sentence"] for row in rows_of(data_folder() / "text-wikitext2" / "sentences.csv.gz"))
    )
    return [texts[row] for row in np.random.default_rng(seed).permutation(len(texts))[:count]]


def fit(folder: Path, name: str, encoder: str, start: str, seed: int, **options: Any) -> TextModel:
    known = STARTS[start]
    settings = known["encoder_settings"]
    print(f"{start} {seed} {name}: {folder}", flush=True)
    model = train(
        sentences(known["sentences"], seed),
        method=name,
        output=folder,
        encoder=encoder,
        encoder_settings=settings if encoder in ("minilm", "subwords") else {"max_tokens": settings["max_tokens"]},
        recipe=known["recipe"],
        seed=seed,
        **options,
        progress=lambda end: print(f"  {end.epoch} of {end.epochs}, loss {end.loss:.3f}", flush=True),
    )
    assert isinstance(model, TextModel)
    return model


def one_run(start: str, seed: int) -> dict[str, Any]:
    """Measures of all arms of a start, and of the start."""
    folder = WORK / "sentences" / f"{start}-{seed}-{key_of(SETTINGS)}"
    rows: dict[str, Any] = {}
    if start == "minilm":
        encoder = start
        begun = TextModel(text_tower_for([], encoder, STARTS[start]["encoder_settings"]).eval(), {})
    else:
        torch.manual_seed(seed)
        texts = sentences(None, seed)
        untrained = text_tower_for(texts, "subwords", STARTS[start]["encoder_settings"]).eval()
        rows["untrained"] = judge(TextModel(untrained, {}).encode)
        begun = fit(folder / "start", "contriever", "subwords", start, seed, settings=CROPS)
        encoder = str(folder / "start")
    rows["start"] = judge(begun.encode)
    for arm in ARMS:
        began = time.process_time()
        model = fit(folder / arm, arm, encoder, start, seed)
        rows[arm] = {"seconds": time.process_time() - began, **judge(model.encode)}
        print(f"  {arm}: { ({key: round(value, 3) for key, value in rows[arm].items()}) }", flush=True)
    return rows


def table_of(runs: list[dict[str, Any]]) -> dict[str, dict[str, tuple[float, float]]]:
    """Mean and deviation over the seeds, of each measure of each arm."""
    return {
        arm: mean_and_deviation({measure: [run[arm][measure] for run in runs] for measure in runs[0][arm]})
        for arm in runs[0]
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--starts", nargs="+", default=list(STARTS), choices=list(STARTS))
    arguments = parser.parse_args()
    report: dict[str, Any] = {"settings": SETTINGS}
    shown = []
    for start in arguments.starts:
        runs = []
        for seed in range(arguments.seeds):
            place = WORK / "sentences" / f"{start}-{seed}-{key_of(SETTINGS)}.json"
            runs.append(kept(place, partial(one_run, start, seed)))
        by_seed = {f"{arm} / {seed}": run[arm] for seed, run in enumerate(runs) for arm in run}
        verdicts = [verdict(claim, by_seed, range(arguments.seeds)) for claim in CLAIMS]
        report[start] = {"table": table_of(runs), "verdicts": verdicts, "runs": runs}
        shown += [(f"{start}: {arm}", *measures["mean"]) for arm, measures in report[start]["table"].items()]
        print(start, *verdicts, sep="\n  ")
    PATH.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    PATH.with_suffix(".svg").write_text(bars(shown, "Spearman, mean of six test sets"), encoding="utf-8")
    for start in arguments.starts:
        for arm, measures in report[start]["table"].items():
            print(
                f"{start:8} {arm:12}",
                *(f"{name} {mean:.3f} +- {spread:.3f}" for name, (mean, spread) in measures.items()),
            )


if __name__ == "__main__":
    main()
