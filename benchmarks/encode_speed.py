"""How many texts a second, against the default of sentence-transformers on the same weights, and what it costs in likeness.

Claim: at least 3.5 times as many short texts and 3.3 times as many long ones with PyTorch alone, and 4.5 times as many short ones with
OpenVINO, where the processor multiplies bfloat16 in hardware; vectors drift by 1e-4 in the mean at most, and the Spearman
correlation on STS-B moves by .002 at most.

Protocol: one process, one set of threads, the arms in turns after one unmeasured turn; medians of ``--turns``. The arms:

library    ``SentenceTransformer.encode`` as it is called by default: batches of 32, float32
kinfolk    ``load_text_encoder``: packed, weights laid out beforehand, bfloat16 where the processor is fast at it
float32    the same in float32
compiled   batches of equal length through ``torch.compile`` (``benchmarks.compiled_bert``), in the precision of kinfolk; where there
           is a C++ compiler. What the first call took, which compiles, stands beside it.
openvino   ``load_text_encoder(..., backend="openvino")``; where it is installed

Texts, all distinct: 5,000 titles of AG News; 200 products each of Abt-Buy and Amazon-Google (every attribute of a record); 200 abstracts of
CISI, evenly spread. With one thread a fifth of each. Drift is 1 - cosine to the library's vector of a text. The share of the peak
is the arithmetic of the model on the tokens without padding, 24 · width² · layers for a token (what attention adds is left
out), over the best of several large products of float32 matrices, and of bfloat16 ones beside it.

Run: ``python -m benchmarks.encode_speed``, about six minutes on two quiet cores; ``--share 50 --turns 1`` takes a fiftieth of the texts for
a try, which writes nothing. Writes ``benchmarks/results/encode_speed.json``.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import importlib.metadata
import json
import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer

from benchmarks.compiled_bert import CompiledBert
from benchmarks.sets import RESULTS, set_folder
from kinfolk.encoders import TextEncoder, load_text_encoder
from kinfolk.encoders.precision import processor_has_fast_bfloat16
from kinfolk.encoders.sentence_transformer import SentenceTransformerModel, offline_folder

TITLES, PRODUCTS, ABSTRACTS = 5_000, 200, 200
FEWER = 5  # of the texts, with one thread
PATH = RESULTS / "encode_speed.json"
Encode = Callable[[list[str]], np.ndarray]


@dataclass(frozen=True)
class Cost:
    """Of one call."""

    wall: float
    cpu: float


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def products(name: str) -> list[str]:
    tables = [rows_of(set_folder(name) / f"{side}.csv.gz") for side in ("left", "right")]
    return [" ".join(value for key, value in row.items() if key != "id" and value) for table in tables for row in table]


def spread(texts: list[str], most: int) -> list[str]:
    """So many of the distinct texts, evenly spread."""
    distinct = list(dict.fromkeys(texts))
    return [distinct[at] for at in np.linspace(0, len(distinct) - 1, min(most, len(distinct))).astype(int)]


def texts_of_sets(share: int) -> dict[str, list[str]]:
    """A part of the texts by the name of what they are."""
    news = [row["title"] for row in rows_of(set_folder("text-agnews") / "news.csv.gz")]
    cisi = [row["abstract"] for row in rows_of(set_folder("ret-cisi") / "docs.csv.gz") if row["abstract"]]
    sold = [product for name in ("er-abt-buy", "er-amazon-google") for product in spread(products(name), PRODUCTS)]
    return {
        "AG News, titles": spread(news, TITLES // share),
        "products": spread(sold, 2 * PRODUCTS // share),
        "CISI, abstracts": spread(cisi, ABSTRACTS // share),
    }


def cost_of(call: Callable[[], object]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def peak(dtype: torch.dtype) -> float:
    """Operations a second of the best product of large matrices, with the threads there are."""
    left, right = torch.rand(2048, 2048).to(dtype), torch.rand(2048, 2048).to(dtype)
    return 2 * 2048**3 / min(cost_of(lambda: left @ right).wall for _ in range(8))


def operations(model: SentenceTransformer, encoder: TextEncoder, texts: list[str]) -> float:
    config = model[0].auto_model.config
    tokens = int(encoder.model.tokenize(texts).lengths.sum())
    width, inner = config.hidden_size, config.intermediate_size
    return 2.0 * tokens * config.num_hidden_layers * (4 * width * width + 2 * width * inner)


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Of the rows of both, in float64: unit vectors of float32 are off by as much as what is to be seen."""
    wide, other = left.astype(np.float64), right.astype(np.float64)
    return np.einsum("ij,ij->i", wide, other) / np.linalg.norm(wide, axis=1) / np.linalg.norm(other, axis=1)


def arms(model: SentenceTransformer, warm: list[str]) -> tuple[dict[str, Encode], float | None]:
    """Each way to encode by its name, and the seconds of compiling."""
    made: dict[str, Encode] = {
        "library": lambda texts: np.asarray(model.encode(texts, show_progress_bar=False)),
        "kinfolk": load_text_encoder("minilm").encode,
        "float32": load_text_encoder("minilm", precision="float32").encode,
    }
    compiling = None
    if any(shutil.which(name) for name in ("g++", "clang++")):
        behind = SentenceTransformerModel(SentenceTransformer(str(offline_folder()), device="cpu"))
        dtype = torch.bfloat16 if behind.precision == "bfloat16" else torch.float32
        behind._packed = CompiledBert(model[0].auto_model, dtype=dtype)  # type: ignore[assignment]
        made["compiled"] = TextEncoder("compiled", behind).encode
        compiling = cost_of(lambda: made["compiled"](warm)).wall
    if find_spec("openvino") is not None:
        made["openvino"] = load_text_encoder("minilm", backend="openvino").encode
    return made, compiling


def measure(made: dict[str, Encode], texts: list[str], arithmetic: float, turns: int) -> dict[str, dict[str, Any]]:
    vectors = {name: encode(texts) for name, encode in made.items()}
    costs: dict[str, list[Cost]] = {name: [] for name in made}
    for _ in range(turns):
        for name, encode in made.items():
            costs[name].append(cost_of(lambda encode=encode: encode(texts)))  # type: ignore[misc]
    wall = {name: statistics.median(cost.wall for cost in of) for name, of in costs.items()}
    cpu = {name: statistics.median(cost.cpu for cost in of) for name, of in costs.items()}
    drift = {name: 1 - cosines(of, vectors["library"]) for name, of in vectors.items()}
    return {
        name: {
            "texts_per_second": len(texts) / wall[name],
            "ratio_wall": wall["library"] / wall[name],
            "ratio_cpu": cpu["library"] / cpu[name],
            "operations_per_second": arithmetic / wall[name],
            "mean_drift": float(drift[name].mean()),
            "max_drift": float(drift[name].max()),
            "seconds_wall": [cost.wall for cost in costs[name]],
            "seconds_cpu": [cost.cpu for cost in costs[name]],
        }
        for name in made
    }


def sts_spearman(encode: Encode, share: int) -> float:
    """Spearman correlation of the cosines with the judgments of the test pairs of STS-B."""
    table = [row for row in rows_of(set_folder("sts") / "stsb-en.csv.gz") if row["split"] == "test"][::share]
    left, right = (encode([row[f"sentence{side}"] for row in table]) for side in (1, 2))
    return float(spearmanr(cosines(left, right), [float(row["score"]) for row in table]).statistic)


def with_threads(threads: int, share: int, turns: int, *, is_most: bool) -> dict[str, Any]:
    """All that is measured with a number of threads; the likeness of STS-B only with the most."""
    os.environ["OMP_NUM_THREADS"] = str(threads)  # kinfolk then looks for no better number
    torch.set_num_threads(threads)
    model = SentenceTransformer(str(offline_folder()), device="cpu")
    counted = load_text_encoder("minilm", precision="float32")
    sets = texts_of_sets(share if is_most else share * FEWER)
    made, compiling = arms(model, [text for texts in sets.values() for text in texts[:8]])
    peaks = {"float32": peak(torch.float32), "bfloat16": peak(torch.bfloat16)}
    print(
        f"{threads} threads, peak {peaks['float32'] / 1e9:.0f} G/s in float32, {peaks['bfloat16'] / 1e9:.0f} in bfloat16"
    )
    if compiling is not None:
        print(f"  compiling took {compiling:.1f} s")
    found: dict[str, Any] = {"threads": threads, "peak_per_second": peaks, "compiling_seconds": compiling, "sets": {}}
    for name, texts in sets.items():
        rows = measure(made, texts, operations(model, counted, texts), turns)
        found["sets"][name] = {"texts": len(texts), "arms": rows}
        for arm, row in rows.items():
            row["share_of_float32_peak"] = row["operations_per_second"] / peaks["float32"]
            print(
                f"  {name:16} {arm:9}{row['texts_per_second']:8.0f} texts a second, {row['ratio_wall']:.2f} times ({row['ratio_cpu']:.2f} "
                f"in CPU time), drift {row['mean_drift']:.1e}, at most {row['max_drift']:.1e}, "
                f"{row['share_of_float32_peak']:.0%} of the peak",
                flush=True,
            )
    if is_most:
        found["sts_b_spearman"] = {arm: sts_spearman(encode, share) for arm, encode in made.items()}
        print("  STS-B:", ", ".join(f"{arm} {value:.4f}" for arm, value in found["sts_b_spearman"].items()), flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--share", type=int, default=1, help="one of so many texts, for a try; then nothing is written")
    options = parser.parse_args()
    most = torch.get_num_threads()
    packages = ("torch", "sentence-transformers", *(["openvino"] if find_spec("openvino") else []))
    found = {
        "fast_bfloat16": processor_has_fast_bfloat16(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "runs": [
            with_threads(threads, options.share, options.turns, is_most=threads == most)
            for threads in dict.fromkeys((most, 1))
        ],
    }
    if options.share == 1:
        PATH.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
