"""The real text of the paper's Japanese firms: which record of a directory is a firm of another book?

Claim: kinfolk, by all fields and without labels, finds the right record first more often than string similarity and than
LinkTransformer's MiniLM, and its links are better than their best cut; labels add to it.

Protocol: ``jp-firms``, 712 firms against 3,401 records; 596 firms have one record, 116 have none. Top 1: share of the 596 whose best
record of all 3,401 is the right one. Pair F1: of the links as they are (kinfolk), and of the best record of each firm at the
cut that is best on the truth (the others), which is more than anyone would know. Strings: Levenshtein similarity and TF-IDF of
1- to 3-grams, on the names alone and on all fields joined. MiniLM (all-MiniLM-L6-v2, which LinkTransformer takes unless told
otherwise): cosine on all fields joined. With labels: the judged pairs of a random half of the firms teach, everything is measured
on the other half, three draws; without labels on the same halves beside it.

Run: ``python -m benchmarks.jp_firms``, with the extra ``offline``. Writes ``benchmarks/results/jp_firms.json``.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist
from sklearn.feature_extraction.text import TfidfVectorizer

import kinfolk
from benchmarks.sets import RESULTS
from kinfolk.data.public import get_dataset
from kinfolk.linking.meaning import open_encoder

DRAWS = 3
Rows = list[dict[str, str]]
Similarity = npt.NDArray[np.float64]


def read(path: Path) -> Rows:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def levenshtein(left: Sequence[str], right: Sequence[str]) -> Similarity:
    return np.asarray(cdist(left, right, scorer=Levenshtein.normalized_similarity), dtype=np.float64)


def tf_idf(left: Sequence[str], right: Sequence[str]) -> Similarity:
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True).fit([*left, *right])
    return np.asarray((vectorizer.transform(left) @ vectorizer.transform(right).T).toarray())


def minilm(left: Sequence[str], right: Sequence[str]) -> Similarity:
    encoder = open_encoder("minilm")
    assert encoder is not None
    sides = [np.asarray(encoder.encode(list(texts)), dtype=np.float64) for texts in (left, right)]
    query, reference = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides)
    return np.asarray(query @ reference.T)


def measure(best: Sequence[tuple[float, bool]], num_true: int) -> dict[str, float]:
    """Of the best record of each firm, its score and whether it is right: top 1, and pair F1 at the best cut."""
    order = sorted(best, key=lambda pair: -pair[0])
    right = np.cumsum([correct for _, correct in order])
    return {
        "top1": float(right[-1] / num_true),
        "best_f1": float(max(2 * right / (np.arange(1, len(order) + 1) + num_true))),
    }


def by_similarity(similarity: Similarity, truth: npt.NDArray[np.int64]) -> dict[str, float]:
    noise = 1e-9 * np.random.default_rng(0).random(similarity.shape)
    found = (similarity + noise).argmax(1)
    best = [(float(similarity[row, at]), bool(at == truth[row])) for row, at in enumerate(found)]
    return measure(best, int((truth >= 0).sum()))


def by_kinfolk(
    folder: Path, truth: npt.NDArray[np.int64], asked: npt.NDArray[np.bool_], labels: Rows
) -> dict[str, float]:
    """One link of the tables; measured on the firms that are asked for."""
    with tempfile.TemporaryDirectory() as place:
        judged = Path(place) / "judged.csv"
        if labels:
            with judged.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, ["left_id", "right_id", "label"])
                writer.writeheader()
                writer.writerows(labels)
        links = kinfolk.link(
            folder / "left.csv", folder / "right.csv", left_id="id", right_id="id", labels=judged if labels else None
        )
    scores = links.scores
    rows, ends = scores["left"].to_numpy(), scores["right"].to_numpy()
    probability, link = scores["probability"].to_numpy(), scores["link"].to_numpy()
    best = []
    for row in np.flatnonzero(asked):
        of = np.flatnonzero(rows == row)
        if len(of):
            top = of[probability[of].argmax()]
            best.append((float(probability[top]), bool(ends[top] == truth[row])))
    num_true = int((truth[asked] >= 0).sum())
    given = link & asked[rows]
    right = int((truth[rows[given]] == ends[given]).sum())
    return {**measure(best, num_true), "own_f1": 2 * right / (int(given.sum()) + num_true)}


def main() -> None:
    folder = get_dataset("jp-firms").folder
    left, right, judged = (read(folder / f"{name}.csv") for name in ("left", "right", "judged"))
    place = {row["id"]: at for at, row in enumerate(right)}
    partner = {row["left_id"]: place[row["right_id"]] for row in read(folder / "matches.csv")}
    truth = np.array([partner.get(row["id"], -1) for row in left])
    names = [[row["firm_title"] for row in side] for side in (left, right)]
    whole = [
        [" ".join(value for key, value in row.items() if key != "id" and value) for row in side]
        for side in (left, right)
    ]
    ways: dict[str, Callable[[], Similarity]] = {
        "Levenshtein, names": lambda: levenshtein(*names),
        "n-gram TF-IDF, names": lambda: tf_idf(*names),
        "Levenshtein, all fields": lambda: levenshtein(*whole),
        "n-gram TF-IDF, all fields": lambda: tf_idf(*whole),
        "MiniLM, all fields": lambda: minilm(*whole),
    }
    table: dict[str, dict[str, float]] = {}
    for name, similarity in ways.items():
        table[name] = by_similarity(similarity(), truth)
        print(name, table[name], flush=True)
    everyone = np.ones(len(left), np.bool_)
    table["kinfolk, no labels"] = by_kinfolk(folder, truth, everyone, [])
    print("kinfolk, no labels", table["kinfolk, no labels"], flush=True)
    draws: list[dict[str, dict[str, float]]] = []
    for draw in range(DRAWS):
        taught = np.random.default_rng(draw).random(len(left)) < 0.5
        ids = {left[row]["id"] for row in np.flatnonzero(taught)}
        known = [row for row in judged if row["left_id"] in ids]
        draws.append(
            {
                "no labels": by_kinfolk(folder, truth, ~taught, []),
                "labels": by_kinfolk(folder, truth, ~taught, known),
            }
        )
        print(draw, len(known), draws[-1], flush=True)
    spread = {
        way: {
            measure: [float(np.mean(values)), float(np.std(values, ddof=1))]
            for measure in draws[0][way]
            for values in [[draw[way][measure] for draw in draws]]
        }
        for way in draws[0]
    }
    report = {
        "firms": len(left),
        "records": len(right),
        "true": int((truth >= 0).sum()),
        "table": table,
        "halves": spread,
        "draws": draws,
    }
    (RESULTS / "jp_firms.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(json.dumps(spread, indent=1))


if __name__ == "__main__":
    main()
