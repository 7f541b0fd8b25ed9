"""The parts of a filtered search, one by one, beside faiss and numpy: CPU time of a query, and the recall that was reached.

Claims: a scan of one-bit lines costs a small part of an exact scan; the planner takes at most a tenth longer than the best part; both
keep the recall that is asked for; an index of a million rows is built within 15 minutes on two cores, and takes no more than 1.3 times the
memory of its vectors, codes not counted.

Protocol: vectors of all-MiniLM-L6-v2 (384) for the titles of 7,600 news (AG News) and 10,475 papers (reviews-biomedical). Titles held out
are the queries; the others are repeated with noise until there are ``--rows`` (their cosine with the title about 0.9), so the vectors
are generated and only their shape is real. Filters let a random share of the rows pass: as ids, as a bitmap, and as a slice of an
order. One thread, one query at a time except for the arms named so, k = 10, recall 0.95, the call from Python included. Arms in turns,
CPU time of the thread, medians of ``--turns``. faiss: IndexFlatIP with IDSelectorBitmap; numpy: the rows taken, a product, argpartition.
Builds with all cores, the graph included; bytes are those of the arrays of the index.

Run: ``python -m benchmarks.search_parts [--rows 10000 100000 1000000]`` with the extras ``search`` and ``offline``. Prints tables and
writes ``benchmarks/results/search_parts.json``, where other sizes stay; ``--try`` writes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.encode_speed import rows_of
from benchmarks.sets import RESULTS, WORK, set_folder
from kinfolk.encoders import load_text_encoder
from kinfolk.errors import ConfigurationError
from kinfolk.search.kernels.subsets import bitmap_of, span_of, subset_of_bitmap
from kinfolk.search.planner import Part
from kinfolk.search.vectors import VectorSet

K, RECALL, QUERIES, NOISE = 10, 0.95, 200, 0.5
SHARES = (0.001, 0.01, 0.1, 0.5, 1.0)
PATH = RESULTS / "search_parts.json"


def titles() -> list[str]:
    news = [row["title"] for row in rows_of(set_folder("text-agnews") / "news.csv.gz")]
    reviews = sorted(set_folder("reviews-biomedical").glob("*.csv.gz"))
    return list(
        dict.fromkeys([*news, *(row["title"] for path in reviews for row in rows_of(path) if row.get("title"))])
    )


def vectors_of_titles(path: Path = WORK / "search_parts.npy") -> np.ndarray:
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, load_text_encoder("minilm").encode(titles()))
    return np.load(path)


def generated(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows around titles, and titles that are held out as queries."""
    rng = np.random.default_rng(seed)
    known = rng.permutation(vectors_of_titles()).astype(np.float32)
    queries, known = known[:QUERIES], known[QUERIES:]
    table = known[np.arange(rows) % len(known)]
    table += rng.normal(size=table.shape).astype(np.float32) * np.float32(NOISE / np.sqrt(table.shape[1]))
    return table / np.linalg.norm(table, axis=1, keepdims=True), queries


def arms(
    index: VectorSet, flat: Any, table: np.ndarray, share: float, rng: np.random.Generator
) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """By name, a search of some queries that gives their rows."""
    num, size = len(table), int(share * len(table))
    order = rng.permutation(num).astype(np.int32)
    ids = np.sort(order[:size])
    words = bitmap_of(ids, num)
    ordered = index.lines_in(order)
    bits = np.packbits(np.isin(np.arange(num), ids), bitorder="little")
    given: dict[str, Any] = {
        "ids": {"ids": ids},
        "bitmap": {"bitmap": words},
        "slice": {"span": span_of(0, size, ordered)},
    }

    def part(asked: Part | None, form: str, **others: Any) -> Callable[[np.ndarray], np.ndarray]:
        return lambda queries: (
            index.search(queries, K, part=asked, threads=1, recall=RECALL, **given[form], **others).rows
        )

    def faiss_flat(queries: np.ndarray) -> np.ndarray:
        selector = faiss.IDSelectorBitmap(bits)
        return flat.search(queries, K, params=faiss.SearchParameters(sel=selector))[1]

    def in_numpy(queries: np.ndarray) -> np.ndarray:
        scores = queries @ table[ids].T
        best = np.argpartition(-scores, min(K, size) - 1, axis=1)[:, :K]
        return ids[np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1), axis=1)]

    own = [subset_of_bitmap(words, size)]
    return {
        "exact scan": part(Part.EXACT, "ids"),
        "code scan": part(Part.CODES, "ids"),
        "code scan, exact": part(Part.CODES, "ids", exact=True),
        "one-bit, ids": part(Part.ONE_BIT, "ids"),
        "one-bit, bitmap": part(Part.ONE_BIT, "bitmap"),
        "one-bit, slice": part(Part.ONE_BIT, "slice"),
        "walk": part(Part.WALK, "bitmap"),
        "planner, ids": part(None, "ids"),
        "planner, bitmap": part(None, "bitmap"),
        "faiss flat": faiss_flat,
        "numpy": in_numpy,
        "batch: shared product": part(Part.PRODUCT, "bitmap"),
        "batch: shared product, exact": part(Part.PRODUCT, "bitmap", exact=True),
        "batch: planner, own filters": lambda queries: (
            index.search_each(queries, K, own * len(queries), recall=RECALL, threads=1).rows
        ),
        "batch: faiss flat": faiss_flat,
        "batch: numpy": in_numpy,
    }


def measured(
    index: VectorSet, flat: Any, table: np.ndarray, queries: np.ndarray, share: float, turns: int
) -> dict[str, Any]:
    """CPU seconds of a query and recall, by arm."""
    size = int(share * len(table))
    searches = arms(index, flat, table, share, np.random.default_rng(7))
    try:
        searches["walk"](queries[:1])
    except ConfigurationError:  # the filter is too strict to walk
        del searches["walk"]
    few = max(5, min(len(queries), int(2e6 // size)))  # for arms that score every row
    ids = subset_of_bitmap(bitmap_of(np.sort(np.random.default_rng(7).permutation(len(table))[:size]), len(table)))
    truth = index.search(queries, K, span=ids, exact=True, part=Part.EXACT).rows
    results: dict[str, dict[str, Any]] = {name: {"seconds": []} for name in searches}
    for turn in range(turns + 1):
        for name, search in searches.items():
            batch = name.startswith("batch")
            given = (
                queries[:few]
                if name in ("exact scan", "code scan", "code scan, exact", "faiss flat", "numpy")
                else queries
            )
            start = time.thread_time()
            rows = search(given) if batch else np.concatenate([search(query[None]) for query in given])
            seconds = (time.thread_time() - start) / len(given)
            if turn:
                results[name]["seconds"].append(seconds)
            results[name]["recall"] = float(np.mean([np.isin(t, r).mean() for t, r in zip(truth, rows, strict=False)]))
    for result in results.values():
        result["seconds"] = statistics.median(result["seconds"])
        result["ns_a_row"] = 1e9 * result["seconds"] / size
    for name, result in results.items():
        batch = name.startswith("batch")
        flat_seconds = results["batch: faiss flat" if batch else "faiss flat"]["seconds"]
        result["times_as_fast_as_faiss_flat"] = flat_seconds / result["seconds"]
    # Of the forms of a filter each is answered by parts that take it as it is.
    for form, parts in {"ids": ("exact scan", "one-bit, ids"), "bitmap": ("one-bit, bitmap", "walk")}.items():
        planned, best = (
            results[f"planner, {form}"],
            min(results[part]["seconds"] for part in parts if part in results),
        )
        planned["over_the_best_part"] = planned["seconds"] / best - 1
    return results


def of_size(rows: int, options: argparse.Namespace) -> dict[str, Any]:
    """Build an index of so many rows and measure it."""
    table, queries = generated(rows, options.seed)
    wall, cpu = time.perf_counter(), time.process_time()
    index = VectorSet.build(table, graph=True)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    sizes = {name: array.nbytes / rows for name, array in index.arrays().items()}
    codes = sum(sizes[name] for name in ("lines", "codes", "code_numbers"))
    faiss.omp_set_num_threads(1)
    flat = faiss.IndexFlatIP(table.shape[1])
    flat.add(table)
    print(
        f"{index}: built in {wall:.0f} seconds, {cpu:.0f} of CPU; {sum(sizes.values()):.0f} bytes a row, {codes:.0f} of codes"
    )
    results: dict[str, Any] = {}
    with threadpool_limits(1):
        for share in options.shares:
            results[str(share)] = cell = measured(index, flat, table, queries, share, options.turns)
            print(f"\n{100 * share:g} % of {rows:,} rows pass")
            for name, result in cell.items():
                over = (
                    f"   {result['over_the_best_part']:+.0%} on the best part" if "over_the_best_part" in result else ""
                )
                print(
                    f"  {name:28} {1e6 * result['seconds']:10.1f} µs {result['ns_a_row']:9.2f} ns a row   recall "
                    f"{result['recall']:.3f}   {result['times_as_fast_as_faiss_flat']:6.2f} x faiss flat{over}"
                )
    faiss.omp_set_num_threads(len(os.sched_getaffinity(0)))
    return {
        "k": K, "recall": RECALL, "turns": options.turns, "seed": options.seed,
        "machine": platform.processor() or platform.machine(),
        "build": {"wall_seconds": wall, "cpu_seconds": cpu, "cores": len(os.sched_getaffinity(0))},
        "bytes_a_row": sizes,
        "without_codes_over_vectors": (sum(sizes.values()) - codes) / sizes["vectors"],
        "calibration": index.facts()["calibration"],
        "results": results,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    parser.add_argument("--try", dest="trying", action="store_true")
    options = parser.parse_args()
    report = json.loads(PATH.read_text("utf-8")) if PATH.is_file() else {}
    for rows in options.rows:
        report[f"{rows}"] = of_size(rows, options)
        if not options.trying:
            PATH.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
