"""Finding translations among sentences of Tatoeba: what encoders of one language find, and what a few hundred translations teach.

Claims: sentences of both languages by themselves teach an English encoder nothing about which belong together; pairs of translations do.

Protocol: two parts. "All pairs": the ten languages to English, all 1,000 pairs of each (Swahili 390), by encoders that learned from
none of them. "Test pairs": German, French and Russian; pairs fall to test by their English side, whatever the language, two fifths
of them, and up to 400 others of each language are learned from. So no English sentence is on both sides, nor a pair that shares its
other side with the test. The seed draws the split, the order and the weights from scratch.

Systems: all-MiniLM-L6-v2, which learned English and has a vocabulary of English word pieces; its distilled table of 256 numbers;
TF-IDF of 1 to 3 characters; a transformer over subwords with random weights. Learned on the three languages together, in batches of
one language: MiniLM by contriever, on crops of single sentences of all four languages; MiniLM and the transformer by pairs of
translations (``simcse`` with positives). Recipes stand here and were not searched for. Judged: share of the sentences whose nearest
sentence of the other language is their translation, mean of both directions; nothing is chosen with it.

Run: ``python -m benchmarks.cross_language [--seeds 3]``, with the extras ``train`` and ``offline``. Finished runs are kept. Writes
``benchmarks/results/cross_language.json`` and ``.svg``.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.plot import bars
from benchmarks.retrieval import code_of, kept, key_of, mean_and_deviation
from benchmarks.sets import RESULTS, WORK, data_folder
from benchmarks.training import Claim, verdict
from kinfolk.data.same_text import same_text
from kinfolk.data.texts import Texts
from kinfolk.encoders.static_distillation import distill_static
from kinfolk.encoders.subwords import load_subword_transformer
from kinfolk.encoders.text_by_name import TextTower, text_tower_for
from kinfolk.evaluation.tasks.cross_language import TranslationFigures, evaluate_cross_language
from kinfolk.methods.fit import train
from kinfolk.methods.texts import fit as texts_fit
from kinfolk.methods.texts.model import TextModel

LEARNED = ("deu", "fra", "rus")
PAIRS = 400  # of each language, at most
SUBWORDS = {"max_tokens": 32, "width": 128, "depth": 2, "heads": 4}
STEP = {"batch_size": 16, "optimizer": "adamw", "weight_decay": 0.0, "clip_norm": 1.0, "precision": "bfloat16"}
ARMS: dict[str, dict[str, Any]] = {
    "MiniLM, contriever": {
        "method": "contriever",
        "encoder": "minilm",
        "encoder_settings": {"max_tokens": 32},
        "settings": {"queue_size": 0, "least": 0.3, "most": 0.8},
        "recipe": {**STEP, "epochs": 1, "warmup_epochs": 0.1, "learning_rate": 5e-5},
    },
    "MiniLM, translations": {
        "method": "simcse",
        "encoder": "minilm",
        "encoder_settings": {"max_tokens": 32},
        "settings": {"head": False},
        "recipe": {**STEP, "epochs": 2, "warmup_epochs": 0.2, "learning_rate": 5e-5},
    },
    "subwords, translations": {
        "method": "simcse",
        "encoder": "subwords",
        "encoder_settings": SUBWORDS,
        "settings": {"head": False},
        "recipe": {**STEP, "epochs": 10, "warmup_epochs": 1.0, "learning_rate": 1e-3},
    },
}
SETTINGS = {
    "code": code_of("methods/texts", "objectives", "encoders", "evaluation"),
    "arms": ARMS,
    "pairs": PAIRS,
    "languages": LEARNED,
}
CLAIMS = (
    Claim("Translations teach MiniLM", "MiniLM, translations", "MiniLM", "mean"),
    Claim("Sentences without their translations teach MiniLM", "MiniLM, contriever", "MiniLM", "mean"),
    Claim("Translations are better than sentences alone", "MiniLM, translations", "MiniLM, contriever", "mean"),
    Claim("MiniLM finds more than n-grams", "MiniLM", "n-gram TF-IDF", "mean"),
    Claim("Translations teach a transformer from scratch", "subwords, translations", "subwords, untrained", "mean"),
)
PATH = RESULTS / "cross_language.json"
texts_fit._SAMPLE = 64  # what is measured beside a training is not used here, and would cost more than the training

Encode = Callable[[Sequence[str]], npt.NDArray[np.floating]]
Pair = tuple[str, str, str]  # language, sentence, English


@cache
def pairs() -> list[Pair]:
    with gzip.open(data_folder() / "xling-tatoeba" / "pairs.csv.gz", "rt", newline="", encoding="utf-8") as file:
        return [(row["lang"], row["text"], row["english"]) for row in csv.DictReader(file)]


def split(seed: int) -> tuple[list[Pair], list[Pair]]:
    """Pairs to learn from and for test, of the three languages."""
    known = [pair for pair in pairs() if pair[0] in LEARNED]
    is_test = [zlib.crc32(f"{seed} {same_text(english)}".encode()) % 5 < 2 for _, _, english in known]
    test = [pair for pair, here in zip(known, is_test, strict=True) if here]
    taken = {same_text(text) for _, text, _ in test}
    rest = [pair for pair, here in zip(known, is_test, strict=True) if not here and same_text(pair[1]) not in taken]
    order = np.random.default_rng(seed).permutation(len(rest))
    drawn = [[rest[row] for row in order if rest[row][0] == language][:PAIRS] for language in LEARNED]
    return [pair for of in drawn for pair in of], test


def judge(encode: Encode, judged: list[Pair]) -> dict[str, float]:
    """Mean of both directions for each language, and of all."""
    table = pa.table(dict(zip(("lang", "text", "english"), map(list, zip(*judged, strict=True)), strict=True)))
    (rows,) = evaluate_cross_language(encode, table).tables.values()
    found = {}
    for row in rows:
        assert isinstance(row, TranslationFigures)
        found[row.language] = (row.forward + row.backward) / 2
    return {"mean": float(np.mean(list(found.values()))), **found}


def by_grams(judged: list[Pair]) -> Encode:
    """Vectors of 1 to 3 characters, whose weights are taken from what is judged."""
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), dtype=np.float32)
    vectorizer.fit([text for _, *sides in judged for text in sides])
    return lambda texts: vectorizer.transform(texts).toarray()


@cache
def trained_before() -> dict[str, TextModel]:
    """MiniLM and its distilled table, whose frequencies are those of the sentences of WikiText-2."""
    teacher = load_subword_transformer("minilm", max_tokens=32)
    with gzip.open(data_folder() / "text-wikitext2" / "sentences.csv.gz", "rt", newline="", encoding="utf-8") as file:
        texts = [row["sentence"] for row in csv.DictReader(file)]
    towers: dict[str, TextTower] = {"MiniLM": teacher, "MiniLM, distilled table": distill_static(teacher, texts)}
    return {name: TextModel(tower.eval(), {}) for name, tower in towers.items()}


def untrained(texts: Sequence[str], seed: int) -> TextModel:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return TextModel(text_tower_for(texts, "subwords", SUBWORDS).eval(), {})


def all_pairs() -> dict[str, dict[str, float]]:
    """Figures of encoders that learned from none of the pairs, for the ten languages."""
    everything = [text for _, *sides in pairs() for text in sides]
    encoders: dict[str, Encode] = {
        **{name: model.encode for name, model in trained_before().items()},
        "n-gram TF-IDF": by_grams(pairs()),
        "subwords, untrained": untrained(everything, 0).encode,
    }
    return {name: judge(encode, pairs()) for name, encode in encoders.items()}


def texts_for(method: str, learned: list[Pair]) -> Texts:
    """Pairs of translations with the language as corpus; or single sentences, of all languages and of English."""
    corpora = np.array([LEARNED.index(language) for language, _, _ in learned], np.int64)
    both = tuple(zip(*((text, english) for _, text, english in learned), strict=True))
    given = Texts((both[0], both[1]), np.arange(len(learned)), corpora=corpora, corpus_names=LEARNED)
    if method == "simcse":
        return given
    sentences = tuple(dict.fromkeys([*both[0], *both[1]]))
    of = dict(zip(both[0], corpora.tolist(), strict=True))
    numbers = np.array([of.get(text, len(LEARNED)) for text in sentences], np.int64)
    return replace(
        given, columns=(sentences,), rows=np.arange(len(sentences)), corpora=numbers, corpus_names=(*LEARNED, "eng")
    )


def one_run(seed: int) -> dict[str, Any]:
    """Measures of all systems on the test pairs of a seed."""
    learned, test = split(seed)
    folder = WORK / "cross_language" / f"{seed}-{key_of(SETTINGS)}"
    encoders: dict[str, Encode] = {
        **{name: model.encode for name, model in trained_before().items()},
        "n-gram TF-IDF": by_grams(test),
        "subwords, untrained": untrained([text for _, *sides in learned for text in sides], seed).encode,
    }
    rows: dict[str, Any] = {name: judge(encode, test) for name, encode in encoders.items()}
    for arm, how in ARMS.items():
        began = time.process_time()
        texts = texts_for(how["method"], learned)
        model = train(texts, output=folder / arm.replace(", ", "-"), seed=seed, held_out=0, **how)
        assert isinstance(model, TextModel)
        rows[arm] = {"seconds": time.process_time() - began, **judge(model.encode, test)}
    for arm, row in rows.items():
        print(seed, arm, {key: round(value, 3) for key, value in row.items()}, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    place = WORK / "cross_language"
    runs = [kept(place / f"{seed}-{key_of(SETTINGS)}.json", partial(one_run, seed)) for seed in seeds]
    whole = kept(place / f"all-{key_of(SETTINGS)}.json", all_pairs)
    by_seed = {f"{arm} / {seed}": run[arm] for seed, run in zip(seeds, runs, strict=True) for arm in run}
    table = {
        arm: mean_and_deviation({name: [run[arm][name] for run in runs] for name in runs[0][arm]}) for arm in runs[0]
    }
    verdicts = [verdict(claim, by_seed, seeds) for claim in CLAIMS]
    report = {"settings": SETTINGS, "all pairs": whole, "table": table, "verdicts": verdicts, "runs": runs}
    PATH.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    shown = [(arm, *of["mean"]) for arm, of in table.items()]
    PATH.with_suffix(".svg").write_text(bars(shown, "Translations found, German, French, Russian"), encoding="utf-8")
    for arm, of in table.items():
        print(f"{arm:24}", *(f"{name} {mean:.3f} +- {spread:.3f}" for name, (mean, spread) in of.items()))
    for name, row in whole.items():
        print(f"{name:24}", {key: round(value, 3) for key, value in row.items()})
    print(*verdicts, sep="\n  ")


if __name__ == "__main__":
    main()
