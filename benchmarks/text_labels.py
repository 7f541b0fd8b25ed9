"""Text-label match (CLESS) on news: what words of the texts teach before there are labels, and what few labels bring.

Claims: an encoder that first learned which words suit a text needs fewer labels than one from scratch; and it tells labels by their
names before it has seen one.

Protocol: AG News, 7,600 articles (title and text) of four classes, split by a fixed seed into 6,000 to learn from and 1,600 to test. A
bag of subwords of width 128 from scratch. "Words" learns from words of all 6,000 articles, no label. Then 1 %, 10 % and 100 % of them
are labeled, drawn by the seed; arms: from scratch, and from "words"; both make as many steps, by one recipe that stands here and was not
searched for. The names that are asked about are "world", "sports", "business" and "sci tech"; zero-shot also by "international politics
war", "sport game team", "business company market" and "science technology software". Beside them: TF-IDF with logistic regression.

Run: ``python -m benchmarks.text_labels [--seeds 3]``, with the extras ``train`` and ``text``. Finished runs are kept. Writes
``benchmarks/results/text_labels.json`` and ``.svg``.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import time
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from benchmarks.plot import bars
from benchmarks.retrieval import code_of, kept, key_of, mean_and_deviation
from benchmarks.sets import RESULTS, WORK, data_folder
from benchmarks.training import Claim, verdict
from kinfolk.evaluation import evaluate_labels
from kinfolk.methods.fit import train
from kinfolk.methods.texts.classify import classify
from kinfolk.methods.texts.model import TextModel

NAMES = ("business", "sci tech", "sports", "world")
WORDY = (
    "business company market",
    "science technology software",
    "sport game team",
    "international politics war",
)
SHARES = (0.01, 0.1, 1.0)
ENCODER: dict[str, Any] = {"encoder": "bag", "encoder_settings": {"width": 128, "max_tokens": 128}}
WORDS = {"epochs": 10, "batch_size": 64, "learning_rate": 2e-3}
STEPS = 600  # with labels, whatever their number
LABELED = {"batch_size": 32, "learning_rate": 1e-3}
SETTINGS = {
    "code": code_of("methods/texts", "objectives", "encoders", "evaluation"),
    "encoder": ENCODER,
    "words": WORDS,
    "labeled": LABELED,
    "steps": STEPS,
}
CLAIMS = tuple(
    Claim(
        f"Words first are better at {share:.0%} of the labels", f"words, {share:.0%}", f"scratch, {share:.0%}", measure
    )
    for share in SHARES
    for measure in ("macro", "accuracy")
)
PATH = RESULTS / "text_labels.json"


@cache
def news() -> tuple[list[str], npt.NDArray[np.int64]]:
    """Articles and their classes, in an order that a fixed seed drew: the first 6,000 are learned from."""
    with gzip.open(data_folder() / "text-agnews" / "news.csv.gz", "rt", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    known = sorted({row["label"] for row in rows})
    order = np.random.default_rng(0).permutation(len(rows))
    texts = [f"{rows[at]['title']}. {rows[at]['text']}" for at in order]
    return texts, np.array([known.index(rows[at]["label"]) for at in order])


def judge(model: TextModel, names: tuple[str, ...]) -> dict[str, float]:
    texts, labels = news()
    scores = classify(texts[6000:], model=model, labels=names).probabilities
    return measures(scores, labels[6000:])


def measures(scores: npt.NDArray[np.floating], labels: npt.NDArray[np.int64]) -> dict[str, float]:
    found = evaluate_labels(scores, labels[:, None] == np.arange(len(NAMES)))
    return {"macro": found.macro, "accuracy": found.accuracy}


def learn(texts: object, folder: Path, seed: int, recipe: dict[str, Any], **options: Any) -> TextModel:
    model = train(texts, method="textlabel", output=folder, recipe=recipe, seed=seed, **options)
    assert isinstance(model, TextModel)
    return model


def one_run(seed: int) -> dict[str, Any]:
    texts, labels = news()
    folder = WORK / "text_labels" / f"{seed}-{key_of(SETTINGS)}"
    began = time.process_time()
    words = learn(texts[:6000], folder / "words", seed, WORDS, **ENCODER)
    rows: dict[str, Any] = {
        "words, no label": {**judge(words, NAMES), "seconds": time.process_time() - began},
        "words, no label, more words": judge(words, WORDY),
    }
    drawn = np.random.default_rng(seed).permutation(6000)
    for share in SHARES:
        some = drawn[: round(share * 6000)]
        table = pa.table({"text": [texts[row] for row in some], "label": [NAMES[labels[row]] for row in some]})
        batch = min(LABELED["batch_size"], len(some))
        recipe = {**LABELED, "batch_size": batch, "epochs": max(1, round(STEPS / (len(some) // batch)))}
        common: dict[str, Any] = {"column": "text", "label": "label", "settings": {"words": 0}}
        for arm, start in (("scratch", ENCODER), ("words", {"encoder": str(folder / "words")})):
            began = time.process_time()
            model = learn(table, folder / f"{arm}-{share:g}", seed, recipe, **common, **start)
            rows[f"{arm}, {share:.0%}"] = {**judge(model, NAMES), "seconds": time.process_time() - began}
        grams = TfidfVectorizer(sublinear_tf=True).fit(texts[:6000])
        linear = LogisticRegression(C=10, max_iter=1000).fit(grams.transform(table["text"].to_pylist()), labels[some])
        scores = np.zeros((len(labels) - 6000, len(NAMES)))
        scores[:, linear.classes_] = linear.predict_proba(grams.transform(texts[6000:]))
        rows[f"TF-IDF, {share:.0%}"] = measures(scores, labels[6000:])
    for arm, row in rows.items():
        print(seed, arm, {key: round(value, 3) for key, value in row.items()}, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    runs = [kept(WORK / "text_labels" / f"{seed}-{key_of(SETTINGS)}.json", partial(one_run, seed)) for seed in seeds]
    by_seed = {f"{arm} / {seed}": run[arm] for seed, run in zip(seeds, runs, strict=True) for arm in run}
    table = {
        arm: mean_and_deviation({name: [run[arm][name] for run in runs] for name in runs[0][arm]}) for arm in runs[0]
    }
    verdicts = [verdict(claim, by_seed, seeds) for claim in CLAIMS]
    report = {"settings": SETTINGS, "table": table, "verdicts": verdicts, "runs": runs}
    PATH.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    shown = [(arm, *of["macro"]) for arm, of in table.items()]
    PATH.with_suffix(".svg").write_text(bars(shown, "News: macro average precision"), encoding="utf-8")
    for arm, of in table.items():
        print(f"{arm:30}", *(f"{name} {mean:.3f} +- {spread:.3f}" for name, (mean, spread) in of.items()))
    print(*verdicts, sep="\n  ")


if __name__ == "__main__":
    main()
