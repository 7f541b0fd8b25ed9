"""Learning from labeled pairs: the published train/valid/test splits of eight sets, no setting changed between sets.

Models are fitted on the training pairs, the cut is the best one on the validation pairs, and the test pairs are scored
once. Candidates without a label (top-10 by character 3-grams both ways) take part as rivals only; no label of a
validation or test pair is ever fitted. ``pairs only`` removes everything that looks beyond the two records of a pair,
which is what a cross-encoder sees. Published figures of fine-tuned transformers stand beside for orientation.

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

from benchmarks.sets import RESULTS, set_folder
from kinfolk.data import Records, read_records
from kinfolk.evaluation.calibration import expected_calibration_error
from kinfolk.evaluation.cut import best_cut
from kinfolk.linking.comparisons.pair_features import RIVALS, PairFeatures, pair_features
from kinfolk.linking.comparisons.terms import clean
from kinfolk.linking.map_logistic import sigmoid
from kinfolk.linking.supervised import UNKNOWN, fit_matcher

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
        started = time.perf_counter()
        left, right, pairs = read_split(name)
        fields = [(c, c) for c in left.table.column_names if c in right.table.column_names and c != left.id_column]
        features, rows_left, rows_right, labels, split = candidates(left, right, fields, pairs)
        seconds = time.perf_counter() - started
        for variant, used in (("full tables", features), ("pairs only", without_rivals(features))):
            for seed in range(options.seeds):
                began = time.perf_counter()
                row = one_run(used, rows_left, rows_right, labels, split, seed, variant, test=not options.no_test)
                row |= {"set": name, "seconds": seconds + time.perf_counter() - began, "num_candidates": len(features)}
                rows.append(row)
                print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}), flush=True)
    if not options.no_test:
        report(rows)


def one_run(
    features: PairFeatures,
    left: NDArray[np.int32],
    right: NDArray[np.int32],
    labels: NDArray[np.int8],
    split: NDArray[np.str_],
    seed: int,
    variant: str,
    *,
    test: bool,
) -> dict[str, float | str | int]:
    """Fit on train, choose the cut on valid, score test."""
    train = np.where(split == "train", labels, UNKNOWN).astype(np.int8)
    alone = variant == "pairs only"
    # Numbering the rows afresh makes every pair its own record: there are no rivals then.
    numbers = np.arange(len(features), dtype=np.int32)
    rows = (numbers, numbers) if alone else (left, right)
    matcher = fit_matcher(features, train, *rows, exclusive=not alone, seed=seed)
    probability = sigmoid(matcher.fitted_log_odds)
    chosen = best_cut(probability[split == "valid"], labels[split == "valid"])
    row: dict[str, float | str | int] = {"variant": variant, "seed": seed, "valid_f1": chosen.f1}
    inside = split == "train"
    row["train_out_of_fold_f1"] = best_cut(probability[inside], labels[inside]).f1
    if test:
        seen = split == "test"
        linked = probability[seen] >= chosen.threshold
        truth = labels[seen] == 1
        row["test_f1"] = float(2 * (linked & truth).sum() / max(1, linked.sum() + truth.sum()))
        row["test_ece"] = expected_calibration_error(probability[seen], truth)
    return row


def read_split(name: str) -> tuple[Records, Records, list[tuple[str, int, int, int]]]:
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


def candidates(
    left: Records, right: Records, fields: list[tuple[str, str]], pairs: list[tuple[str, int, int, int]]
) -> tuple[PairFeatures, NDArray[np.int32], NDArray[np.int32], NDArray[np.int8], NDArray[np.str_]]:
    """Labeled pairs and the nearest neighbors of every record, compared."""
    fields = [(a, b) for a, b in fields if left.roles[a] != "ignore" and right.roles[b] != "ignore"]
    near = nearest(left, right, fields)
    labeled = {(i, j): (part, label) for part, i, j, label in pairs}
    rows = np.array(sorted({*near, *labeled}), dtype=np.int32)
    split = np.array([labeled.get((int(i), int(j)), ("", UNKNOWN))[0] for i, j in rows])
    labels = np.array([labeled.get((int(i), int(j)), ("", UNKNOWN))[1] for i, j in rows], dtype=np.int8)
    features = pair_features(left, right, rows[:, 0], rows[:, 1], fields=fields)
    return features, np.ascontiguousarray(rows[:, 0]), np.ascontiguousarray(rows[:, 1]), labels, split


def nearest(left: Records, right: Records, fields: list[tuple[str, str]], k: int = 10) -> set[tuple[int, int]]:
    """The k nearest records by character 3-grams of the whole record, from either side."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sparse_dot_topn import sp_matmul_topn

    texts = [
        [clean(" ".join(parts)) for parts in zip(*(records.texts(pair[side]) for pair in fields), strict=True)]
        for side, records in enumerate((left, right))
    ]
    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), sublinear_tf=True, dtype=np.float32)
    grams.fit(texts[0] + texts[1])
    a, b = (grams.transform(side) for side in texts)
    forward = sp_matmul_topn(a, b.T.tocsr(), top_n=k).tocoo()
    backward = sp_matmul_topn(b, a.T.tocsr(), top_n=k).tocoo()
    return {
        *zip(forward.row.tolist(), forward.col.tolist(), strict=True),
        *zip(backward.col.tolist(), backward.row.tolist(), strict=True),
    }


def without_rivals(features: PairFeatures) -> PairFeatures:
    """Drop what depends on other records than the two of the pair."""
    keep = np.array([group != RIVALS for group in features.groups])
    names, groups = (tuple(np.array(x)[keep].tolist()) for x in (features.names, features.groups))
    return PairFeatures(features.values[:, keep], names, groups, features.tokens)


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
