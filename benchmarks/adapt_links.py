"""What learning from the tables brings to links: images by their pixels, by an encoder trained on the tables, and by one that reads.

Claim: ``adapt`` makes links of records with images better than bare pixels do, and what labels teach the encoder comes on top
of what they teach the matcher.

Protocol: "directory", the two editions of the bundled trade directory, crops with what Tesseract read in them; "emoji", the
pictures of Twitter with their short names (English, underscores as blanks) against those of Google with German names. Pair F1 of the
links as they are, at kinfolk's own cut; nothing is chosen. With labels: the true pairs of a random half of the left records
teach, and of each its best candidate that is wrong; everything is measured on the links of the other half, without labels on the
same half beside it. Three draws; a draw is the seed of the training, too. With ``adapt`` and labels, "matcher" is with the
encoder that labels do not reach, "encoder" with it.

Run: ``python -m benchmarks.adapt_links [--sets directory emoji] [--without-reading] [--draws 0 1 2]``, with the extra
``train``. What is finished is kept. Writes ``benchmarks/results/adapt_links.json``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import kinfolk
from benchmarks.retrieval import code_of, kept, key_of, mean_and_deviation
from benchmarks.sets import RESULTS, WORK
from kinfolk.data.public import get_dataset
from kinfolk.data.trade_directory import trade_directory
from kinfolk.linking import halves
from kinfolk.linking.adapt import Adapt

WAYS: dict[str, tuple[Adapt, ...]] = {"directory": (False, True, "reading"), "emoji": (False, True)}
KEY = key_of({"code": code_of("linking", "methods/clippings", "views", "encoders")})
NEVER = 1 << 60  # more things than there are

Tables = tuple[pa.Table, pa.Table, dict[str, str]]


def directory() -> Tables:
    of = trade_directory()
    return of.left, of.right, dict(zip(of.truth["left_id"].to_pylist(), of.truth["right_id"].to_pylist(), strict=True))


def emoji() -> Tables:
    folder = get_dataset("emoji", vendors=["google", "twitter"], languages=["de"]).folder
    twitter, google, german = (pq.read_table(folder / f"{name}.parquet") for name in ("twitter", "google", "names-de"))
    names = dict(zip(german["id"].to_pylist(), german["name"].to_pylist(), strict=True))
    short = [name.replace("_", " ").replace("-", " ") for name in twitter["short_name"].to_pylist()]
    ids = [table["id"].to_pylist() for table in (twitter, google)]
    left = pa.table({"id": [f"t{i}" for i in ids[0]], "name": short, "picture": twitter["image"]})
    right = pa.table(
        {"id": [f"g{i}" for i in ids[1]], "name": [names.get(i) for i in ids[1]], "picture": google["image"]}
    )
    return left, right, {f"t{i}": f"g{i}" for i in set(ids[0]) & set(ids[1])}


def f1(links: kinfolk.Links, truth: dict[str, str], asked: set[str]) -> float:
    """Of the links of the left records that are asked for."""
    given = [(row["left_id"], row["right_id"]) for row in links.to_arrow().to_pylist() if row["left_id"] in asked]
    right = sum(truth.get(one) == other for one, other in given)
    return 2 * right / max(1, len(given) + sum(one in truth for one in asked))


def judged_pairs(links: kinfolk.Links, truth: dict[str, str], taught: set[str]) -> list[dict[str, object]]:
    """The true pairs of these left records, and of each the best candidate that is wrong."""
    ids = [links.left.ids.to_pylist(), links.right.ids.to_pylist()]
    best: dict[str, tuple[float, str]] = {}
    columns = (links.scores[name].to_pylist() for name in ("left", "right", "probability"))
    for row, end, probability in zip(*columns, strict=True):
        one, other = ids[0][row], ids[1][end]
        if one in taught and truth.get(one) != other:
            best[one] = max(best.get(one, (-1.0, "")), (probability, other))
    wrong = [{"left_id": one, "right_id": other, "label": 0} for one, (_, other) in sorted(best.items())]
    return [{"left_id": one, "right_id": truth[one], "label": 1} for one in sorted(taught & truth.keys())] + wrong


def one_draw(name: str, ways: tuple[Adapt, ...], draw: int) -> dict[str, Any]:
    left, right, truth = directory() if name == "directory" else emoji()
    ids = left["id"].to_pylist()
    half = np.random.default_rng([3, draw]).random(len(ids)) < 0.5
    taught = {i for i, known in zip(ids, half, strict=True) if known}
    rest = set(ids) - taught
    row: dict[str, Any] = {"seconds": {}}
    with tempfile.TemporaryDirectory() as place:
        labels: list[dict[str, object]] = []
        for adapt in ways:
            for teaching in ("no labels", "matcher", *(("encoder",) if adapt else ())):
                began = time.perf_counter()
                run, first = Path(place) / f"{adapt}-{teaching}", Path(place) / f"{adapt}-no labels" / "model"
                if first.exists():  # what was learned without labels is not learned again
                    shutil.copytree(first, run / "model")
                least = halves.LEAST if teaching == "encoder" else NEVER
                with patch.object(halves, "LEAST", least):
                    links = kinfolk.link(
                        left,
                        right,
                        left_id="id",
                        right_id="id",
                        image=[column for column in left.column_names if column in ("image", "picture")],
                        labels=None if teaching == "no labels" else labels,
                        adapt=adapt,
                        seed=draw,
                        run=run,
                    )
                if not labels:
                    labels = judged_pairs(links, truth, taught)
                way = f"{ {False: 'pixels', True: 'adapt'}.get(adapt, adapt) }, {teaching}"
                row[way] = f1(links, truth, rest)
                if teaching == "no labels":
                    row[f"{way}, all"] = f1(links, truth, set(ids))
                row["seconds"][way] = time.perf_counter() - began
                print(name, draw, way, f"{row[way]:.3f}", f"{row['seconds'][way]:.0f} s", links.notes, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--without-reading", action="store_true", help="which takes most of the time")
    parser.add_argument("--draws", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    report: dict[str, Any] = {}
    for name in arguments.sets:
        ways = tuple(way for way in WAYS[name] if way != "reading" or not arguments.without_reading)
        draws = []
        for draw in arguments.draws:
            place = WORK / "adapt_links" / f"{name}-{len(ways)}-{draw}-{KEY}.json"
            draws.append(kept(place, partial(one_draw, name, ways, draw)))
        table = mean_and_deviation({way: [row[way] for row in draws] for way in draws[0] if way != "seconds"})
        report[name] = {"table": table, "draws": draws}
        for way, (mean, spread) in table.items():
            print(f"  {name:10} {way:28} {mean:.3f} +- {spread:.3f}")
    (RESULTS / "adapt_links.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
