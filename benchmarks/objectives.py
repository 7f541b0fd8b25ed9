"""Time and memory of the objectives beside lightly's and pytorch-metric-learning's.

Claim: forward and backward at batch 8,192 in a tenth of the time of the faster peer and at most 200 MB, never slower at
256, memory linear in the batch.

Protocol: float32 embeddings of width 128, two views (SupCon: one view, a label every four items), temperature 0.1. Time:
for each objective and batch all implementations in turn, ``--rounds`` times, medians, in one process. Memory: a fresh
process for each, the growth of its peak resident memory over the call. An implementation is not run where its matrices
alone would take more than ``LARGEST`` bytes; bfloat16 only up to 2,048 where the processor has no such products, which
are then made in software. The share of the matmul bound is the time that the products alone take in
the same tiles, over the time of the whole.

Run, in the peers' environment: ``make bench-objectives``. Writes ``benchmarks/results/objectives.json`` and ``.svg``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.peers.losses import Loss, lightly_losses, metric_learning_losses, plain_losses
from benchmarks.plot import growth
from benchmarks.sets import RESULTS, ROOT
from kinfolk.objectives import objective
from kinfolk.objectives._tiled import TILE

TEMPERATURE, DIM, LARGEST = 0.1, 128, 14e9
BATCHES = (256, 1024, 2048, 4096, 8192, 16384, 65536)
OBJECTIVES = ("ntxent", "dcl", "supcon")
PEERS_UP_TO = 16384
# bytes of the matrices that an implementation keeps at once, by rows of the matrix; measured ones grow at least so fast
KEEPS = {
    "lightly": lambda rows: 12.0 * rows**2,
    "metric-learning": lambda rows: 12.0 * rows**2,
    "plain": lambda rows: 12.0 * rows**2,
}


def ours(matmul: str) -> dict[str, Loss]:
    losses = {name: objective(name)(TEMPERATURE, matmul=matmul) for name in OBJECTIVES}
    supcon = losses["supcon"]
    return {**losses, "supcon": lambda first, labels: supcon(first, labels=labels)}


IMPLEMENTATIONS = {
    "kinfolk": lambda: ours("float32"),
    "kinfolk bfloat16": lambda: ours("bfloat16"),
    "plain": lambda: plain_losses(TEMPERATURE),
    "lightly": lambda: lightly_losses(TEMPERATURE),
    "metric-learning": lambda: metric_learning_losses(TEMPERATURE),
}


def inputs(name: str, batch: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    first = torch.randn(batch, DIM, requires_grad=True)
    if name == "supcon":
        return first, torch.arange(batch) // 4
    return first, (first.detach() + 0.5 * torch.randn(batch, DIM)).requires_grad_()


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself."""
    flags = Path("/proc/cpuinfo").read_text()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def feasible(implementation: str, name: str, batch: int) -> bool:
    if implementation == "kinfolk bfloat16":
        return batch <= 2048 or has_bfloat16()
    if implementation == "kinfolk":
        return True
    rows = batch if name == "supcon" else 2 * batch
    if implementation == "metric-learning" and name == "ntxent":
        return 4.0 * rows * rows < 1.2e9 and batch <= 512  # a table of positive pairs x negative pairs
    return batch <= PEERS_UP_TO and KEEPS[implementation](rows) < LARGEST


def once(loss: Loss, data: tuple[Tensor, Tensor]) -> float:
    began = time.perf_counter()
    loss(*data).backward()
    seconds = time.perf_counter() - began
    for tensor in data:
        tensor.grad = None
    return seconds


def measure_memory(implementation: str, name: str, batch: int) -> float:
    """MB by which the memory of this process grows at most during one call, after a small one has set up what stays."""
    loss = IMPLEMENTATIONS[implementation]()[name]
    once(loss, inputs(name, 64))
    data = inputs(name, batch)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _kilobytes("VmRSS")
    once(loss, data)
    return (_kilobytes("VmHWM") - before) / 1024


def _kilobytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1])


def matmul_seconds(name: str, batch: int) -> float:
    """Seconds of the products alone: the symmetric half, once forward, and in backward once again and twice more."""
    rows = batch if name == "supcon" else 2 * batch
    tile = min(TILE, rows)
    a, square, out = torch.randn(tile, DIM), torch.randn(tile, tile), torch.empty(tile, tile)
    tiles = (rows // tile) * (rows // tile + 1) // 2
    total = torch.zeros(tile, DIM)
    count = min(tiles, 200)
    began = time.perf_counter()
    for _ in range(count):
        torch.mm(a, a.T, out=out)
        torch.mm(a, a.T, out=out)
        total.addmm_(square, a)
        total.addmm_(square.T, a)
    return (time.perf_counter() - began) / count * tiles


def compare(name: str, batch: int, rounds: int) -> dict[str, Any]:
    losses = {i: make()[name] for i, make in IMPLEMENTATIONS.items() if name in make() and feasible(i, name, batch)}
    data = inputs(name, batch)
    for loss in losses.values():
        once(loss, inputs(name, 64))
    seconds: dict[str, list[float]] = {implementation: [] for implementation in losses}
    for _ in range(rounds):
        for implementation, loss in losses.items():
            seconds[implementation].append(once(loss, data))
    row: dict[str, Any] = {"objective": name, "batch": batch, "matmul_seconds": matmul_seconds(name, batch)}
    for implementation, times in seconds.items():
        megabytes = subprocess.run(
            [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "benchmarks.objectives",
                "--memory",
                implementation,
                name,
                str(batch),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        row[implementation] = {
            "seconds": statistics.median(times),
            "spread": max(times) - min(times),
            "megabytes": float(megabytes.stdout.split()[-1]),
        }
    return row


def rounds(batch: int, given: int) -> int:
    """More where one takes milliseconds, one where it takes minutes."""
    return 7 * given if batch <= 1024 else given if batch < 16384 else 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--memory", nargs=3, metavar=("IMPLEMENTATION", "OBJECTIVE", "BATCH"), help="measure one memory"
    )
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.memory:
        implementation, name, batch = arguments.memory
        print(measure_memory(implementation, name, int(batch)))
        return
    rows = []
    for name in OBJECTIVES:
        for batch in arguments.batches:
            row = compare(name, batch, rounds(batch, arguments.rounds))
            rows.append(row)
            cells = {k: v for k, v in row.items() if isinstance(v, dict)}
            parts = [f"{k} {v['seconds']:.4f} s {v['megabytes']:.0f} MB" for k, v in cells.items()]
            print(f"{name:8} {batch:6}  matmul {row['matmul_seconds']:.4f} s  " + "  ".join(parts), flush=True)
    report = {
        "threads": torch.get_num_threads(),
        "bfloat16_products": has_bfloat16(),
        "dim": DIM,
        "torch": torch.__version__,
        "rows": rows,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "objectives.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    lines = [
        (
            implementation,
            [
                (r["batch"], r[implementation]["seconds"])
                for r in rows
                if r["objective"] == "ntxent" and implementation in r
            ],
        )
        for implementation in IMPLEMENTATIONS
    ]
    plot = growth([line for line in lines if len(line[1]) > 1], "NT-Xent, seconds forward and backward", "items")
    (RESULTS / "objectives.svg").write_text(plot, encoding="utf-8")


if __name__ == "__main__":
    main()
