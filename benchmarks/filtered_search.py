"""Filtered search beside others: recall and throughput by kind of filter and share that passes, on real vectors with real attributes.

Claim: a planner over scans and a walk is at every filter as fast as the best of the others, or faster, at recall@10 of at least 0.95.

Protocol: that of ``kinfolk.search.study`` (one core; one query at a time, a batch with a filter each, a batch under one filter; filters
inside the timed region; CPU time; engines in turns; the smallest effort that reaches the recall), 100 queries that are held out.

* ``text``: 62,499 titles of films (IMDb, DBpedia), news (AG News) and papers (systematic reviews, DBLP, ACM) in vectors of
  all-MiniLM-L6-v2 (384), encoded once. EM: what a title is about; R: the year; EMIS: genres, persons, topics.
* ``fashion``: Fashion-MNIST, 70,000 pictures as 784 pixels, from Debian's package dataset-fashion-mnist; where that is not installed,
  ``cifar10``: 24,000 pictures in grey at half size, as 256 pixels. EM: the class; R: the mean of the pixels; EMIS is drawn.
* ``scale-10k``, ``scale-100k``, ``scale-1m``: the titles at other sizes, above the real one repeated with noise. No peers at 1m, whose
  copies of the vectors and of the graphs do not fit into 24 GiB together.

* ``methods``: 12,000 of the titles, and beside the index, numpy and the HNSW graph of faiss all of ``kinfolk.search.kinds``: methods of the
  literature, written to be read, in the cells whose filters they serve.

Attributes that lack values of some share have a drawn one beside them, and results say which is which. Peers are those of
``benchmarks/peers/filtered`` and LanceDB and faiss, all with graphs of M = 32 and 128 candidates at the build (LanceDB: its default).

Run, in the environment of ``make bench-filtered``: ``python -m benchmarks.filtered_search text [--rows 3000] [--engines ENGINE ...]``. It
goes on where it was stopped. Writes ``benchmarks/results/filtered_search/SET``; ``--try`` only below ``benchmarks/.work``.
"""

from __future__ import annotations

import argparse
import gzip
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.encode_speed import rows_of
from benchmarks.peers.filtered import peers
from benchmarks.sets import RESULTS, WORK, set_folder
from kinfolk.encoders import load_text_encoder
from kinfolk.report.search_study import write_study_report
from kinfolk.search.kinds import kinds
from kinfolk.search.study import generate, installed_engines, read_study, run_study, write_study
from kinfolk.search.study.layout import FACTS

FOLDER = WORK / "filtered_search"
FASHION = Path("/usr/share/datasets/fashion-mnist")
SCALES = {"scale-10k": 10_000, "scale-100k": 100_000, "scale-1m": 1_000_000}
LARGE = ("kinfolk", "numpy", "faiss-flat", "faiss-ivf", "faiss-hnsw")
METHODS = ("kinfolk", "kinfolk-exact", "numpy", "faiss-hnsw", *kinds())
FEW = 12_000  # rows of ``methods``

Data = tuple[np.ndarray, pa.Table]


def _several(text: str) -> list[str]:
    return [part for part in re.split(r"\s*[,;/]\s*", text.strip()) if part]


def titles() -> pa.Table:
    """Title, what it is about, year and tags of everything that has a title."""
    rows: list[dict[str, object]] = []
    films = set_folder("er-imdb-dbpedia")
    for film in rows_of(films / "left.csv.gz"):
        rows.append(
            {"title": film["title"], "about": "film of DBpedia", "year": None, "tags": _several(film["starring"])}
        )
    for film in rows_of(films / "right.csv.gz"):
        genres = _several(film["genre"])
        year = int(film["year"]) if film["year"].isdecimal() else None
        rows.append(
            {"title": film["title"], "about": genres[0] if genres else "film of IMDb", "year": year, "tags": genres}
        )
    for news in rows_of(set_folder("text-agnews") / "news.csv.gz"):
        rows.append({"title": news["title"], "about": news["label"], "year": None, "tags": ["news", news["label"]]})
    for paper in rows_of(set_folder("reviews-biomedical") / "papers.csv.gz"):
        included = ["included"] if paper["included"] == "1" else []
        rows.append(
            {
                "title": paper["title"],
                "about": paper["topic"],
                "year": None,
                "tags": ["paper", paper["topic"], *included],
            }
        )
    for side in ("left", "right"):
        for paper in rows_of(set_folder("er-dblp-acm") / f"{side}.csv.gz"):
            year = int(paper["year"]) if paper["year"].isdecimal() else None
            rows.append(
                {"title": paper["title"], "about": paper["venue"], "year": year, "tags": _several(paper["authors"])}
            )
    return pa.Table.from_pylist([row for row in rows if row["title"]])


def texts(rows: int | None) -> Data:
    """Titles and their vectors, which are made once; of fewer rows any."""
    table = titles()
    path = FOLDER / "titles.npy"
    if rows is not None:
        some = np.sort(np.random.default_rng(0).choice(len(table), min(rows, len(table)), replace=False))
        table, path = table.take(pa.array(some)), FOLDER / f"titles-{rows}.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, load_text_encoder("minilm").encode(table.column("title").to_pylist()))
    return np.load(path), table.drop_columns(["title"])


def fashion(rows: int | None) -> Data:
    """Pictures of clothes as their pixels."""

    def read(name: str, header: int) -> np.ndarray:
        (path,) = FASHION.glob(f"{name}*.gz")
        return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=header)

    pixels = np.concatenate([read(f"{part}-images", 16).reshape(-1, 784) for part in ("train", "t10k")])
    return _of_pixels(pixels, np.concatenate([read(f"{part}-labels", 8) for part in ("train", "t10k")]), rows)


def cifar10(rows: int | None) -> Data:
    """Small photographs as their pixels, in grey at half size."""
    from PIL import Image

    table = pq.read_table(set_folder("img-cifar10") / "images.parquet")
    pictures = [
        np.asarray(Image.open(io.BytesIO(data)).convert("L").resize((16, 16), Image.Resampling.BOX)).reshape(-1)
        for data in table.column("jpeg").to_pylist()
    ]
    return _of_pixels(np.stack(pictures), np.asarray(table.column("label").to_pylist()), rows)


def _of_pixels(pixels: np.ndarray, labels: np.ndarray, rows: int | None) -> Data:
    kept = np.random.default_rng(0).permutation(len(pixels))[:rows]
    pixels, labels = pixels[kept], labels[kept]
    classes = [f"class {label}" for label in labels]
    table = pa.table({"class": classes, "brightness": np.rint(pixels.mean(axis=1) * 100).astype(np.int64)})
    return pixels.astype(np.float32), table


SETS: dict[str, Callable[[int | None], Data]] = {
    "text": texts,
    "fashion": fashion,
    "cifar10": cifar10,
    "methods": lambda rows: texts(rows or FEW),
    **dict.fromkeys(SCALES, texts),
}


def measure(name: str, rows: int | None, engines: list[str] | None, seconds: float, seed: int) -> Path:
    """One set; gives the folder of what was written."""
    place = FOLDER / "-".join([name, *([str(rows)] if rows else []), *([f"seed{seed}"] if seed else [])])
    if not (place / "data" / FACTS).exists():
        size = (rows or SCALES[name]) if name in SCALES else None
        vectors, table = SETS[name](rows // 2 if rows and name in SCALES else rows)  # a trial of scale has copies, too
        write_study(generate(vectors, table, rows=size, seed=seed), place / "data")
    others, missing = peers(place / "stores")
    wanted = engines or {"scale-1m": LARGE, "methods": METHODS}.get(name)
    own = None if wanted is None else [one for one in wanted if one not in {engine.name for engine in others}]
    chosen = [
        *installed_engines(place / "stores" / "lance", only=own),
        *(engine for engine in others if wanted is None or engine.name in wanted),
    ]
    results = run_study(read_study(place / "data"), chosen, place, seconds=seconds, told=_Told())
    write_study_report(results, place)
    if missing:
        print(f"not installed, and so not measured: {', '.join(missing)}")
    return place


class _Told:
    def begin(self, stage: str) -> None:
        print(f"{stage} ...", flush=True)

    def advance(self, share: float) -> None:
        print(f"  {share:.0%}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "sets", nargs="*", default=["text", "fashion" if FASHION.is_dir() else "cifar10"], help=", ".join(SETS)
    )
    parser.add_argument("--rows", type=int, help="fewer rows than the set has, to try")
    parser.add_argument("--engines", nargs="+")
    parser.add_argument("--seconds", type=float, default=0.1, help="about how long each effort is measured")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--try", dest="trying", action="store_true")
    options = parser.parse_args()
    for name in options.sets:
        place = measure(name, options.rows, options.engines, options.seconds, options.seed)
        print((place / "summary.md").read_text(encoding="utf-8"))
        if not options.trying:
            kept = RESULTS / "filtered_search" / place.name
            kept.mkdir(parents=True, exist_ok=True)
            for file in ("results.json", "summary.md", "winners.svg", "curves.svg"):
                shutil.copyfile(place / file, kept / file)


if __name__ == "__main__":
    main()
