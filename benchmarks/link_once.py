"""One run of kinfolk in a fresh process: links two tables or deduplicates one, and writes what came and what it cost.

Used by the benchmarks, which start it once for every measurement, so that CPU seconds and peak memory are those of a
user's own run (imports and reading included). Written into ``--out``: ``pairs.parquet`` (``left_id, right_id`` and, of links,
``score, link``), with one table ``clusters.parquet`` (``id, cluster_id``), and ``run.json``.

Run: ``python -m benchmarks.link_once LEFT RIGHT --out FOLDER [--labels PAIRS]``, ``python -m benchmarks.link_once TABLE
--out FOLDER``
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.costs import process_costs


def link_tables(left: str, right: str, labels: str | None, encoder: str | None, out: Path) -> dict[str, object]:
    """Links two tables by kinfolk's default path."""
    import kinfolk

    links = kinfolk.link(left, right, **_given(labels, encoder))
    costs = process_costs()  # before the benchmark's own bookkeeping
    scores = links.scores
    pairs = pa.table(
        {
            "left_id": pc.cast(links.left.ids.take(scores["left"].combine_chunks()), pa.string()),
            "right_id": pc.cast(links.right.ids.take(scores["right"].combine_chunks()), pa.string()),
            "score": scores["probability"],
            "link": scores["link"],
        }
    )
    pq.write_table(pairs, out / "pairs.parquet")
    return {
        "threshold": links.threshold,
        "relation": links.relation,
        "estimate": asdict(links.estimate),
        "num_pairs": pairs.num_rows,
        "num_records": len(links.left) + len(links.right),
        "stages": [asdict(stage) for stage in links.stages],
        **costs,
    }


def _given(labels: str | None, encoder: str | None) -> dict[str, Any]:
    """Only what was asked for is passed: without labels and encoder it is the call a newcomer makes."""
    wanted = {"labels": labels, "encoder": encoder}
    return {name: value for name, value in wanted.items() if value is not None}


def dedupe_table(table: str, labels: str | None, encoder: str | None, out: Path) -> dict[str, object]:
    """Finds the duplicates of one table by kinfolk's default path."""
    import kinfolk

    clusters = kinfolk.dedupe(table, **_given(labels, encoder))
    costs = process_costs()
    scores, ids = clusters.scores, clusters.records.ids
    pairs = {side: pc.cast(ids.take(scores[side].combine_chunks()), pa.string()) for side in ("left", "right")}
    pq.write_table(pa.table({f"{side}_id": column for side, column in pairs.items()}), out / "pairs.parquet")
    found = clusters.to_arrow()
    pq.write_table(
        pa.table({name: pc.cast(found[name], pa.string()) for name in ("id", "cluster_id")}), out / "clusters.parquet"
    )
    return {
        "threshold": clusters.threshold,
        "estimate": asdict(clusters.estimate),
        "stages": [asdict(stage) for stage in clusters.stages],
        **costs,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="+", help="LEFT RIGHT to link, or one TABLE to deduplicate")
    parser.add_argument("--out", type=Path, required=True, help="folder for what is written")
    parser.add_argument("--labels", help="file of labelled pairs: left_id, right_id, label")
    parser.add_argument("--encoder", help="name or folder of a text encoder; none by default")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if len(options.tables) == 2:
        left, right = options.tables
        outcome = link_tables(left, right, options.labels, options.encoder, options.out)
    elif len(options.tables) == 1:
        outcome = dedupe_table(options.tables[0], options.labels, options.encoder, options.out)
    else:
        parser.error(f"one table or two are needed. Got {len(options.tables)}.")
    (options.out / "run.json").write_text(json.dumps(outcome, indent=1, default=str), encoding="utf-8")


if __name__ == "__main__":
    main()
