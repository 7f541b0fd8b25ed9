"""How much memory ``kinfolk embed`` takes for a million short texts.

Claim: under 2 GB, most of it torch and the model, and hardly more than for a tenth of the texts.

Protocol: texts of ten words, drawn from the titles of AG News, in a file of lines; ``kinfolk embed`` into Parquet, in a process of
its own: all ``--texts`` and a tenth of them through a bag of tokens with random weights and vectors as wide as MiniLM's; all, a
tenth and a hundredth of them through the offline MiniLM, which takes most of an hour. The largest resident set of the process as the
system counts it (``ru_maxrss``), the resident set over time, seconds, and the rows that were written.

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
from kinfolk.encoders.token_bag import TokenBag
from kinfolk.methods.texts.model import TextModel

LIMIT_BYTES = 2_000_000_000
MILLION = 1_000_000
DIM = 384
POINTS = 50  # of the curve of memory
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


def write_bag(folder: Path) -> Path:
    """A bag of the tokens of AG News, as wide as MiniLM."""
    titles = [row["title"] for row in rows_of(set_folder("text-agnews") / "news.csv.gz")]
    settings = {"width": DIM, "max_tokens": 64}
    return TextModel(TokenBag.of_texts(titles, **settings), {"encoder": "bag", "encoder_settings": settings}).save(
        folder
    )


def resident_bytes(process: int) -> int | None:
    """What a process holds in memory now; None where the system does not say."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(folder: Path, model: str, num_texts: int) -> dict[str, Any]:
    """Run the command in a process of its own.

    Raises:
        RuntimeError: it ended with an error.
    """
    corpus, vectors = folder / "corpus.txt", folder / "vectors.parquet"
    write_lines(corpus, num_texts)
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "kinfolk", "embed", str(corpus), "--model", model, "-o", str(vectors), "--quiet"]
    )
    curve: list[tuple[float, int]] = []
    ended, status, usage = os.wait4(process.pid, os.WNOHANG)
    while not ended:
        resident = resident_bytes(process.pid)
        if resident is not None:
            curve.append((round(time.perf_counter() - began, 1), resident))
        time.sleep(0.5)
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"the command ended with {process.returncode}")
    return {
        "model": Path(model).name,
        "texts": num_texts,
        "vectors": pq.read_metadata(vectors).num_rows,
        "peak_bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "seconds": time.perf_counter() - began,
        "resident_bytes": curve[:: max(1, len(curve) // POINTS)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=MILLION)
    options = parser.parse_args()
    folder = WORK / "embed_memory"
    bag = str(write_bag(folder / "bag"))
    rows = []
    for model, parts in ((bag, (10, 1)), ("minilm", (100, 10, 1))):
        for part in parts:
            rows.append(measure(folder, model, options.texts // part))
            row = rows[-1]
            print(
                f"  {row['model']:8}{row['texts']:>10,} texts: {row['peak_bytes'] / 1e6:.0f} MB, {row['seconds']:.0f} s",
                flush=True,
            )
    if options.texts >= MILLION:
        PATH.write_text(json.dumps({"limit_bytes": LIMIT_BYTES, "rows": rows}, indent=1) + "\n", "utf-8")
    within = all(row["peak_bytes"] < LIMIT_BYTES and row["vectors"] == row["texts"] for row in rows)
    sys.exit(0 if within else 1)


if __name__ == "__main__":
    main()
