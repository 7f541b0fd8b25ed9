"""How much memory ``kinfolk embed`` takes for a million short texts.

Claim: under 2 GB, most of it torch and the model, and hardly more than for a tenth of the texts.

Protocol: texts of ten words, drawn from the titles of AG News, in a file of lines; ``kinfolk embed`` with the offline MiniLM
into Parquet, in a process of its own, for a tenth of ``--texts`` and for all of them; the largest resident set of the process as the
system counts it (``ru_maxrss``), seconds, and the rows that were written.

Run: ``python -m benchmarks.embed_memory``; ``--texts 20000`` for a try. Writes ``benchmarks/results/embed_memory.json`` for a
million texts or more; ends with 1 where the limit is passed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.encode_speed import rows_of
from benchmarks.sets import RESULTS, WORK, set_folder

LIMIT_BYTES = 2_000_000_000
MILLION = 1_000_000
PATH = RESULTS / "embed_memory.json"


def write_lines(path: Path, num_texts: int) -> None:
    """Distinct texts of ten words, the same ones each time."""
    words = sorted(
        {word for row in rows_of(set_folder("text-agnews") / "news.csv.gz") for word in row["title"].split()}
    )
    draw = random.Random(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for _ in range(num_texts):
            file.write(" ".join(draw.choices(words, k=10)) + "\n")


def measure(folder: Path, num_texts: int) -> dict[str, Any]:
    """Run the command in a process of its own.

    Raises:
        RuntimeError: it ended with an error.
    """
    corpus, vectors = folder / "corpus.txt", folder / "vectors.parquet"
    write_lines(corpus, num_texts)
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "kinfolk", "embed", str(corpus), "--model", "minilm", "-o", str(vectors), "--quiet"]
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"the command ended with {process.returncode}")
    return {
        "texts": num_texts,
        "vectors": pq.read_metadata(vectors).num_rows,
        "peak_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "seconds": time.perf_counter() - began,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=MILLION)
    options = parser.parse_args()
    rows = []
    for num_texts in (options.texts // 10, options.texts):
        rows.append(measure(WORK / "embed_memory", num_texts))
        print(
            f"  {num_texts:>10,} texts: {rows[-1]['peak_bytes'] / 1e6:.0f} MB, {rows[-1]['seconds']:.0f} s", flush=True
        )
    if options.texts >= MILLION:
        PATH.write_text(json.dumps({"limit_bytes": LIMIT_BYTES, "rows": rows}, indent=1) + "\n", "utf-8")
    within = all(row["peak_bytes"] < LIMIT_BYTES and row["vectors"] == row["texts"] for row in rows)
    sys.exit(0 if within else 1)


if __name__ == "__main__":
    main()
