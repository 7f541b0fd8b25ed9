"""What is left of a trained text encoder when it is made small, and how fast it is then.

Claim: half the layers, or a table of token vectors, keep a good part of what MiniLM knows, the table at a multiple of its speed.

Protocol: all-MiniLM-L6-v2 (extra ``offline``), three of its six layers, and its tokens as vectors of 256 and of 128 numbers,
none of them trained further. Which layers are kept and the weight of frequent tokens were chosen on the training split of
STS-B, and the frequencies are of its sentences; judged is Spearman on the development split. Speed: all its sentences at once,
one thread, the median of alternating runs. The path is that of a trained model, ``encode_texts``.

Run: ``python -m benchmarks.small_encoders [--pairs N] [--runs N]``. Writes ``benchmarks/results/small_encoders.json``.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from statistics import median
from time import perf_counter

import torch

from benchmarks.sets import RESULTS, data_folder
from kinfolk.encoders.layer_pruning import prune_layers
from kinfolk.encoders.static_distillation import distill_static
from kinfolk.encoders.subwords import load_subword_transformer
from kinfolk.encoders.text_by_name import TextTower
from kinfolk.encoders.text_features import encode_texts
from kinfolk.evaluation.sts import evaluate_similarity

RESULT = RESULTS / "small_encoders.json"
Pairs = list[tuple[str, str, float]]


def read_pairs(split: str) -> Pairs:
    with gzip.open(data_folder() / "sts" / "stsb-en.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    return [(row["sentence1"], row["sentence2"], float(row["score"])) for row in rows]


def towers() -> dict[str, TextTower]:
    """Each encoder by its name."""
    teacher = load_subword_transformer("minilm")
    texts = [text for first, second, _ in read_pairs("train") for text in (first, second)]
    return {
        "minilm": teacher,
        "minilm, 3 layers": prune_layers(teacher, keep=3),
        "static, 256": distill_static(teacher, texts, dim=256),
        "static, 128": distill_static(teacher, texts, dim=128),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_500)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    pairs = read_pairs("dev")[: options.pairs]
    texts = [first for first, _, _ in pairs] + [second for _, second, _ in pairs]
    gold = [score for _, _, score in pairs]
    made = towers()
    seconds: dict[str, list[float]] = {name: [] for name in made}
    found: dict[str, dict[str, float]] = {}
    for _ in range(options.runs):
        for name, tower in made.items():
            start = perf_counter()
            vectors = encode_texts(tower, texts)
            seconds[name].append(perf_counter() - start)
            spearman = evaluate_similarity(vectors[: len(pairs)], vectors[len(pairs) :], gold).spearman
            found[name] = {"spearman": spearman, "dim": tower.dim}
    for name, of in found.items():
        of["texts_per_second"] = len(texts) / median(seconds[name])
        print(f"{name:18} Spearman {of['spearman']:.4f}  {of['texts_per_second']:8,.0f} texts a second", flush=True)
    result = {"pairs": len(pairs), "runs": options.runs, "encoders": found}
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
