"""What the search for candidates by vectors costs beside faiss Flat, and under a condition beside none.

Asked: how much less the nearest records in both directions cost than by faiss's exact index (the goal: a third), with every neighbor
found; and whether they cost less under "same decade" than without a condition.

Protocol: IMDb-DBpedia, its titles by all-MiniLM-L6-v2 (384), encoded once. One thread; the arms in turns, CPU time of the
process, medians of ``--turns``. Both arms find the top k in both directions: faiss ``IndexFlatIP`` with two indexes and two searches,
kinfolk ``nearest_between``. Twice: all records, as a linkage has them, of which those without a title have a vector of zeros, which
kinfolk passes over and faiss multiplies; and only those with a title. Recall: the share of the neighbors above 0 whose float64 product
reaches that of the k-th, of 2,000 records of either side.

The condition: the left table has no year. A left record gets the decade of its partner by the truth, and one drawn from those of the
right table where it has none (seeds 0, 1, 2), so that cost and selectivity are those of a link by decade. The true pairs that are found
under it are therefore more than a link without such a column could find: they say only what a condition does that all true pairs
pass. Right records without a year do not pass, nor do their partners. Compared: CPU time of the search of vectors and of titles by
n-grams, the condition and its groups included, and the share of the true pairs among the candidates, k = 5 and 10.

Run: ``python -m benchmarks.dense_candidates`` with the extras ``search`` and ``offline``, best with ``OMP_NUM_THREADS=1``. Writes
``benchmarks/results/dense_candidates.json``; ``--try`` takes one turn and writes nothing.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import faiss
import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

from benchmarks.encode_speed import rows_of
from benchmarks.sets import RESULTS, WORK, set_folder
from kinfolk.data import read_records
from kinfolk.encoders import load_text_encoder
from kinfolk.linking.candidates import Neighbors, neighbors
from kinfolk.linking.condition import PairCondition
from kinfolk.linking.meaning import encode_texts
from kinfolk.linking.near_vectors import nearest_between
from kinfolk.linking.normalization import normalize
from kinfolk.linking.search_space import search_space
from kinfolk.linking.spaces import tfidf_space

SET, KS, SAMPLE, SEEDS = "er-imdb-dbpedia", (10, 20, 50), 2_000, (0, 1, 2)
WHERE = "decade = mine.decade"
PATH = RESULTS / "dense_candidates.json"


def tables() -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    left, right = (list(rows_of(set_folder(SET) / f"{side}.csv.gz")) for side in ("left", "right"))
    return left, right


def vectors_of(sides: tuple[list[str], list[str]]) -> tuple[np.ndarray, np.ndarray]:
    """Of the titles, kept from run to run."""
    path = WORK / "dense_candidates.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, encode_texts(load_text_encoder("minilm"), [*sides[0], *sides[1]], None, lambda _: None))
    vectors = np.load(path)
    return vectors[: len(sides[0])], vectors[len(sides[0]) :]


def true_pairs(left: list[dict[str, str]], right: list[dict[str, str]]) -> np.ndarray:
    """Rows (pairs, 2)."""
    rows = [{row["id"]: at for at, row in enumerate(side)} for side in (left, right)]
    with (set_folder(SET) / "matches.csv").open(encoding="utf-8", newline="") as file:
        return np.array([(rows[0][m["left_id"]], rows[1][m["right_id"]]) for m in csv.DictReader(file)])


def by_faiss(left: np.ndarray, right: np.ndarray, k: int) -> list[np.ndarray]:
    """The rows found of either direction, (records, k) each."""
    found = []
    for queries, corpus in ((left, right), (right, left)):
        index = faiss.IndexFlatIP(corpus.shape[1])
        index.add(corpus)
        found.append(index.search(queries, k)[1])
    return found


def by_kinfolk(left: np.ndarray, right: np.ndarray, k: int) -> list[np.ndarray]:
    """As ``by_faiss``; -1 where fewer are above 0."""
    near, found = nearest_between(left, right, k), []
    for (queries, rows, _), num in ((near.of_left, len(left)), (near.of_right, len(right))):
        out = np.full((num, k), -1)
        first = np.searchsorted(queries, np.arange(num))
        out[queries, np.arange(len(queries)) - first[queries]] = rows
        found.append(out)
    return found


def recall(found: list[np.ndarray], left: np.ndarray, right: np.ndarray, k: int) -> float:
    """The share of the k neighbors of a sample of the records that were found, or others just as near."""
    hits = wanted = 0
    for rows, queries, corpus in zip(found, (left, right), (right, left), strict=True):
        told = np.flatnonzero(np.abs(queries).sum(axis=1))
        sample = np.random.default_rng(0).permutation(told)[:SAMPLE]
        for part in np.array_split(sample, 10):
            exact = queries[part].astype(np.float64) @ corpus.T.astype(np.float64)
            best = -np.partition(-exact, k - 1, axis=1)[:, :k]
            least = np.maximum(best.min(axis=1, keepdims=True) - 1e-12, 0)
            reached = np.take_along_axis(exact, np.maximum(rows[part], 0), axis=1) >= least
            hits += int((reached & (rows[part] >= 0)).sum())
            wanted += int((best > 0).sum())
    return hits / wanted


def in_turns(arms: dict[str, Callable[[], Any]], turns: int) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """CPU seconds of each arm, turn by turn, and what each gave."""
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    given: dict[str, Any] = {}
    for _ in range(turns):
        for name, run in arms.items():
            began = time.process_time()
            given[name] = run()
            seconds[name].append(time.process_time() - began)
    return seconds, given


def beside_faiss(left: np.ndarray, right: np.ndarray, k: int, turns: int) -> dict[str, Any]:
    arms = {"kinfolk": lambda: by_kinfolk(left, right, k), "faiss": lambda: by_faiss(left, right, k)}
    seconds, found = in_turns(arms, turns)
    ratios = [b / a for a, b in zip(seconds["kinfolk"], seconds["faiss"], strict=True)]
    row = {"left": len(left), "right": len(right), "k": k, "ratio": statistics.median(ratios), "ratios": ratios}
    row |= {f"{name} seconds": statistics.median(times) for name, times in seconds.items()}
    return row | {f"{name} recall": recall(found[name], left, right, k) for name in arms}


def decades(right: list[dict[str, str]], pairs: np.ndarray, num_left: int, seed: int) -> tuple[pa.Table, pa.Table]:
    """The tables of the condition; see the protocol."""
    of_right = [int(row["year"]) // 10 * 10 if row["year"].isdecimal() else None for row in right]
    known = [decade for decade in of_right if decade is not None]
    of_left: list[int | None] = np.random.default_rng(seed).choice(known, num_left).tolist()
    for a, b in pairs.tolist():
        of_left[a] = of_right[b]
    return pa.table({"decade": of_left}), pa.table({"decade": of_right})


def among(near: Neighbors, pairs: np.ndarray, num_right: int) -> tuple[int, float]:
    """How many candidates there are, and the share of the true pairs among them."""
    found = near.pairs(num_right)
    keys = found.left.astype(np.int64) * num_right + found.right
    return len(found), float(np.isin(pairs[:, 0] * num_right + pairs[:, 1], keys).mean())


def under_condition(
    sides: tuple[list[dict[str, str]], list[dict[str, str]]], vectors: tuple[np.ndarray, np.ndarray], turns: int
) -> list[dict[str, Any]]:
    pairs, (left, right) = true_pairs(*sides), vectors
    texts = [normalize([row["title"] for row in side]) for side in sides]
    space = search_space(*texts, tfidf_space(*texts))
    rows = []
    for seed in SEEDS:
        tables = [read_records(table) for table in decades(sides[1], pairs, len(left), seed)]
        share = PairCondition(WHERE, *tables).num_pairs / (len(left) * len(right))
        for kind, k, search in (
            ("vectors", 5, lambda groups: nearest_between(left, right, 5, groups=groups)),
            ("n-grams", 10, lambda groups: neighbors(space, 10, groups)),
        ):
            arms = {
                "none": lambda search=search: search(None),
                "decade": lambda search=search, tables=tables: search(PairCondition(WHERE, *tables).groups),
            }
            seconds, near = in_turns(arms, turns)
            row: dict[str, Any] = {"search": kind, "k": k, "seed": seed, "pairs that pass": share}
            for name in arms:
                num, found = among(near[name], pairs, len(right))
                row |= {f"{name} seconds": statistics.median(seconds[name]), f"{name} candidates": num}
                row |= {f"{name} true pairs": found}
            rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--try", action="store_true", dest="trying")
    options = parser.parse_args()
    turns = 1 if options.trying else options.turns
    sides = tables()
    left, right = vectors_of(tuple([row["title"] for row in side] for side in sides))  # type: ignore[arg-type]
    nearest_between(left[:64], right[:64], 5)  # compiles
    with_title = np.abs(left).sum(axis=1) > 0, np.abs(right).sum(axis=1) > 0
    found: dict[str, Any] = {"processor": platform.processor(), "turns": turns, "beside faiss": []}
    with threadpool_limits(1):
        faiss.omp_set_num_threads(1)
        for records, a, b in (("all", left, right), ("with a title", left[with_title[0]], right[with_title[1]])):
            for k in KS:
                row = {"records": records, **beside_faiss(np.ascontiguousarray(a), np.ascontiguousarray(b), k, turns)}
                found["beside faiss"].append(row)
                print(
                    f"{records:>12}, {row['left']:,} x {row['right']:,}, k = {k:>2}: kinfolk {row['kinfolk seconds']:.2f} s, faiss "
                    f"{row['faiss seconds']:.2f} s, {row['ratio']:.2f} times; recall {row['kinfolk recall']:.5f} and "
                    f"{row['faiss recall']:.5f}",
                    flush=True,
                )
        found["condition"] = under_condition(sides, (left, right), turns)
    for row in found["condition"]:
        print(
            f"{row['search']}, seed {row['seed']}, {row['pairs that pass']:.1%} of the pairs pass: {row['decade seconds']:.2f} s, "
            f"{row['decade candidates']:,} candidates, {row['decade true pairs']:.4f} of the true pairs; without a condition "
            f"{row['none seconds']:.2f} s, {row['none candidates']:,}, {row['none true pairs']:.4f}"
        )
    if not options.trying:
        PATH.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
