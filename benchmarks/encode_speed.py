"""How many texts a second, against the default of sentence-transformers on the same weights, and what it costs in likeness.

Claim: at least 3.5 times as many short texts and 3.3 times as many long ones where the processor multiplies bfloat16 in hardware;
vectors drift by 1e-4 in the mean at most, and the Spearman correlation on STS-B moves by .002 at most.

Protocol: ``SentenceTransformer.encode`` as it is called by default (batches of 32, float32) and ``TextEncoder.encode`` of the same
folder, in one process with the same threads, in turns, after one unmeasured turn; medians of ``--turns``. Texts: 5,000 titles of
AG News, the products of Abt-Buy and Amazon-Google (every attribute of a record), the abstracts of CISI. Drift is the
mean of 1 - cosine between both vectors of a text. The share of the peak is the arithmetic of the model on the tokens without padding,
24 · width² · layers for a token (what attention adds is left out), over the best of several products of float32 matrices.

Run: ``python -m benchmarks.encode_speed``; ``--most 200 --turns 1`` for a try, which writes nothing. Writes
``benchmarks/results/encode_speed.json``.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from sentence_transformers import SentenceTransformer

from benchmarks.sets import RESULTS, set_folder
from kinfolk.encoders import TextEncoder, load_text_encoder
from kinfolk.encoders.precision import processor_has_fast_bfloat16
from kinfolk.encoders.sentence_transformer import offline_folder

TITLES = 5_000
PATH = RESULTS / "encode_speed.json"


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def products(name: str) -> list[str]:
    tables = [rows_of(set_folder(name) / f"{side}.csv.gz") for side in ("left", "right")]
    return [" ".join(value for key, value in row.items() if key != "id" and value) for table in tables for row in table]


def texts_of_sets() -> dict[str, list[str]]:
    """The texts by the name of what they are."""
    news = [row["title"] for row in rows_of(set_folder("text-agnews") / "news.csv.gz")]
    cisi = [row["abstract"] for row in rows_of(set_folder("ret-cisi") / "docs.csv.gz") if row["abstract"]]
    return {
        "AG News, titles": news[:TITLES],
        "Abt-Buy, products": products("er-abt-buy"),
        "Amazon-Google, products": products("er-amazon-google"),
        "CISI, abstracts": cisi,
    }


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def float32_peak() -> float:
    """Operations a second of the best product of float32 matrices, with the threads there are."""
    left, right = torch.rand(2048, 2048), torch.rand(2048, 2048)
    return 2 * 2048**3 / min(seconds(lambda: left @ right) for _ in range(8))


def operations(model: SentenceTransformer, encoder: TextEncoder, texts: list[str]) -> float:
    config = model[0].auto_model.config
    tokens = int(encoder.model.tokenize(list(dict.fromkeys(texts))).lengths.sum())
    width, inner = config.hidden_size, config.intermediate_size
    return 2.0 * tokens * config.num_hidden_layers * (4 * width * width + 2 * width * inner)


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Of the rows of both, in float64: unit vectors of float32 are off by as much as what is to be seen."""
    wide, other = left.astype(np.float64), right.astype(np.float64)
    return np.einsum("ij,ij->i", wide, other) / np.linalg.norm(wide, axis=1) / np.linalg.norm(other, axis=1)


def measure(model: SentenceTransformer, encoder: TextEncoder, texts: list[str], turns: int) -> dict[str, Any]:
    theirs = model.encode(texts, show_progress_bar=False, normalize_embeddings=True)
    ours = encoder.encode(texts)
    times: dict[str, list[float]] = {"library": [], "kinfolk": []}
    for _ in range(turns):
        times["library"].append(seconds(lambda: model.encode(texts, show_progress_bar=False)))
        times["kinfolk"].append(seconds(lambda: encoder.encode(texts)))
    library, kinfolk = (statistics.median(of) for of in times.values())
    return {
        "texts": len(texts),
        "library_texts_per_second": len(texts) / library,
        "kinfolk_texts_per_second": len(texts) / kinfolk,
        "ratio": library / kinfolk,
        "mean_drift": float(np.mean(1 - cosines(ours, theirs))),
        "operations_per_second": operations(model, encoder, texts) / kinfolk,
        "seconds": times,
    }


def sts_spearman(encode: Callable[[list[str]], np.ndarray], most: int | None) -> float:
    """Spearman correlation of the cosines with the judgments of the test pairs of STS-B."""
    rows = rows_of(set_folder("sts") / "stsb-en.csv.gz")
    table = [row for row in rows if row["split"] == "test"][:most]
    left, right = (encode([row[f"sentence{side}"] for row in table]) for side in (1, 2))
    return float(spearmanr(cosines(left, right), [float(row["score"]) for row in table]).statistic)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--most", type=int, help="texts of each kind at most, for a try; then nothing is written")
    options = parser.parse_args()
    encoder = load_text_encoder("minilm")
    model = SentenceTransformer(str(offline_folder()), device="cpu")
    peak = float32_peak()
    found: dict[str, Any] = {
        "threads": torch.get_num_threads(),
        "fast_bfloat16": processor_has_fast_bfloat16(),
        "float32_peak_per_second": peak,
        "sts_b_library": sts_spearman(lambda t: model.encode(t, show_progress_bar=False), options.most),
        "sts_b_kinfolk": sts_spearman(encoder.encode, options.most),
        "rows": {},
    }
    for name, texts in texts_of_sets().items():
        row = measure(model, encoder, texts[: options.most], options.turns)
        row["share_of_float32_peak"] = row["operations_per_second"] / peak
        found["rows"][name] = row
        print(
            f"  {name:24} {row['library_texts_per_second']:8.0f} {row['kinfolk_texts_per_second']:8.0f} texts a second, "
            f"{row['ratio']:.2f} times, drift {row['mean_drift']:.1e}, {row['share_of_float32_peak']:.0%} of the peak",
            flush=True,
        )
    print(f"  STS-B {found['sts_b_library']:.4f} by the library, {found['sts_b_kinfolk']:.4f} by kinfolk")
    if options.most is None:
        PATH.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
