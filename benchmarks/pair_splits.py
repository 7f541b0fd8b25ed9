"""Learning from labeled pairs: the published train/valid/test splits of eight sets, no setting changed between sets.

``kinfolk.link`` is given both tables and the training labels; validation and test pairs go with them unlabeled, so that
they are scored. The cut is the best one on the validation pairs, and the test pairs are scored once. ``pairs only``
learns from the two records of each pair alone, without rivals, label-free model or other records, which is what a
cross-encoder sees. Published figures of fine-tuned transformers stand beside for orientation.

    python -m benchmarks.pair_splits [--seeds 3] [SET ...]
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import kinfolk
from benchmarks.sets import RESULTS, set_folder
from kinfolk.data import Records, read_records
from kinfolk.evaluation.calibration import expected_calibration_error
from kinfolk.evaluation.cut import best_cut
from kinfolk.linking.alignment import align_fields
from kinfolk.linking.compare import prepare_fields, whole_texts
from kinfolk.linking.comparisons.pair_features import PairFeatures, pair_features
from kinfolk.linking.labels import UNKNOWN
from kinfolk.linking.map_logistic import sigmoid
from kinfolk.linking.match import RIVALS
from kinfolk.linking.spaces import tfidf_space
from kinfolk.linking.supervised import fit_matcher

Pairs = list[tuple[str, int, int, int]]  # part of the split, left row, right row, label

SETS = {
    "er-pairs-abt-buy": ("Abt-Buy", 0.89),
    "er-pairs-amazon-google": ("Amazon-Google", 0.756),
    "er-pairs-beer": ("Beer", 0.94),
    "er-pairs-dblp-acm": ("DBLP-ACM", 0.99),
    "er-pairs-dblp-acm-dirty": ("DBLP-ACM dirty", 0.99),
    "er-pairs-fodors-zagats": ("Fodors-Zagats", 1.0),
    "er-pairs-wdc-cameras": ("WDC cameras", None),
    "er-pairs-wdc-computers": ("WDC computers", None),
}
# The number of the entity itself, shipped by the benchmark as if it were an attribute.
LEAKS = {"er-pairs-fodors-zagats": ("class",)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-test", action="store_true", help="leave the test pairs unseen (while developing)")
    options = parser.parse_args()
    rows = []
    for name in options.sets:
        left, right, pairs = read_split(name)
        for variant, score in (("full tables", by_link), ("pairs only", by_pairs)):
            for seed in range(options.seeds):
                began = time.perf_counter()
                probability = score(left, right, pairs, seed)
                row = judged(probability, pairs, test=not options.no_test)
                row |= {"set": name, "variant": variant, "seed": seed, "seconds": time.perf_counter() - began}
                rows.append(row)
                print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}), flush=True)
    if not options.no_test:
        report(rows)


def by_link(left: Records, right: Records, pairs: Pairs, seed: int) -> NDArray[np.float64]:
    """Probability of every pair by the default path with the training labels."""
    ids = left.ids.to_pylist(), right.ids.to_pylist()
    given = [
        {"left_id": ids[0][i], "right_id": ids[1][j], "label": str(label) if part == "train" else ""}
        for part, i, j, label in pairs
    ]
    scores = kinfolk.link(left, right, labels=given, seed=seed).scores
    columns = (scores.column(name).to_pylist() for name in ("left", "right", "probability"))
    found = {(i, j): probability for i, j, probability in zip(*columns, strict=True)}
    return np.array([found[i, j] for _, i, j, _ in pairs])


def by_pairs(left: Records, right: Records, pairs: Pairs, seed: int) -> NDArray[np.float64]:
    """Probability of every pair from its two records alone."""
    rows = np.array([(i, j) for _, i, j, _ in pairs], dtype=np.int32)
    labels = np.array([label if part == "train" else UNKNOWN for part, _, _, label in pairs], dtype=np.int8)
    aligned = align_fields(left, right, seeds=(rows[labels == 1, 0], rows[labels == 1, 1]))
    fields, whole = prepare_fields(left, right, aligned), tfidf_space(whole_texts(left), whole_texts(right))
    features = pair_features(left, right, fields, whole, rows[:, 0], rows[:, 1])
    alone = np.array([group != RIVALS for group in features.groups])
    names, groups = (tuple(np.array(x)[alone].tolist()) for x in (features.names, features.groups))
    features = PairFeatures(features.values[:, alone], names, groups, features.tokens)
    # Numbering the rows afresh makes every pair its own record: there are no rivals then.
    afresh = np.arange(len(rows), dtype=np.int32)
    return sigmoid(fit_matcher(features, labels, afresh, afresh, exclusive=False, seed=seed).log_odds)


def judged(probability: NDArray[np.float64], pairs: Pairs, *, test: bool) -> dict[str, float | str | int]:
    """Choose the cut on valid, score test."""
    part, label = np.array([pair[0] for pair in pairs]), np.array([pair[3] for pair in pairs])
    chosen = best_cut(probability[part == "valid"], label[part == "valid"])
    row: dict[str, float | str | int] = {"valid_f1": chosen.f1}
    if test:
        seen = part == "test"
        linked, truth = probability[seen] >= chosen.threshold, label[seen] == 1
        row["test_f1"] = float(2 * (linked & truth).sum() / max(1, linked.sum() + truth.sum()))
        row["test_ece"] = expected_calibration_error(probability[seen], truth)
    return row


def read_split(name: str) -> tuple[Records, Records, Pairs]:
    """Both tables and all labeled pairs as (split, left row, right row, label)."""
    folder = set_folder(name)
    ignore = LEAKS.get(name, ())
    left, right = (read_records(folder / f"{side}.csv.gz", id="id", ignore=ignore) for side in ("left", "right"))
    numbers = [{str(v): i for i, v in enumerate(records.ids.to_pylist())} for records in (left, right)]
    pairs = []
    for part in ("train", "valid", "test"):
        with gzip.open(folder / f"pairs_{part}.csv.gz", "rt", newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                pairs.append((part, numbers[0][row["left_id"]], numbers[1][row["right_id"]], int(row["label"])))
    return left, right, pairs


def report(rows: list[dict[str, float | str | int]]) -> None:
    """Print the table and write it."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    Path(RESULTS / "pair_splits.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print("\n| set | valid F1 | test F1 | pairs only | ECE | seconds | transformers |\n|---|---|---|---|---|---|---|")
    for name, (title, published) in SETS.items():
        picked = {v: [r for r in rows if r["set"] == name and r["variant"] == v] for v in ("full tables", "pairs only")}
        if not picked["full tables"]:
            continue

        def shown(variant: str, key: str, picked: dict[str, list[dict[str, float | str | int]]] = picked) -> str:
            values = [float(r[key]) for r in picked[variant]]
            return f"{np.mean(values):.3f} ± {np.std(values):.3f}"

        full = "full tables"
        print(
            f"| {title} | {shown(full, 'valid_f1')} | {shown(full, 'test_f1')} | {shown('pairs only', 'test_f1')} | "
            f"{shown(full, 'test_ece')} | {shown(full, 'seconds')} | {published or '–'} |"
        )


if __name__ == "__main__":
    main()
