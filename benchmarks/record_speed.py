"""How long CLIPPINGS takes on a laptop: stage 1 on 5,000 pairs of a crop and its text, and the vectors of records.

Claim: 5,000 pairs of 64 pixels are learned from in 10 minutes on 2 cores, and 300 records and more are embedded in a second.

Protocol: 5,000 strings with the texts and letters of the bundled trade directory, drawn in the fonts of the machine; ``pretrain`` with
its own recipe, by the encoder that ``--adapt`` uses, at 64 pixels; and, beyond the claim, by the one that ``--adapt-reading`` uses, at
96 pixels, for 4 epochs and with the contrast of each field with itself; then ``encode`` of the same records, the median of
five. All threads of the machine, nothing beside it.

Run: ``python -m benchmarks.record_speed``, with the extra ``train``. Writes ``benchmarks/results/record_speed.json``.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks.sets import RESULTS
from kinfolk.data.trade_directory import trade_directory
from kinfolk.encoders.record import Towers
from kinfolk.encoders.record_inputs import RecordInputs, image_field, text_field
from kinfolk.methods.clippings.drawn_strings import DrawnStrings
from kinfolk.methods.clippings.pretrain import PRETRAINING, SMALL, pretrain
from kinfolk.methods.clippings.reading import READING, one_of_each_family
from kinfolk.views.fonts import find_fonts

PAIRS, _READING_EPOCHS = 5_000, 4  # 20,000 looks
PATH = RESULTS / "record_speed.json"


def pairs(size: int) -> tuple[RecordInputs, int]:
    """The records, and how many letters they have."""
    directory = trade_directory()
    texts = [
        (text,) for table in (directory.left, directory.right) for text in table.column("text").to_pylist() if text
    ]
    source = DrawnStrings(texts, one_of_each_family(find_fonts("Hallam")), size=size)
    drawn = [source.draw(np.random.default_rng(row)) for row in range(PAIRS)]
    pixels = np.stack([string.lettering.pixels for string in drawn])
    fields = (image_field("crop", pixels), text_field("text", [string.texts[0] for string in drawn]))
    return RecordInputs(fields), len(source.letters)


def measure(records: RecordInputs, towers: Towers, own: float, epochs: int) -> dict[str, Any]:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        model = pretrain(
            records,
            output=folder,
            towers=towers,
            own=own,
            recipe={"epochs": epochs},
            progress=lambda end: print(
                f"  {end.epoch} of {end.epochs}, {time.perf_counter() - began:.0f} s", flush=True
            ),
        )
    learned, times = time.perf_counter() - began, []
    for _ in range(5):
        began = time.perf_counter()
        model.encode(records)
        times.append(time.perf_counter() - began)
    rank = max(end.measures["reciprocal_rank"] for end in model.history)
    return {
        "pretrain_seconds": learned,
        "epochs": epochs,
        "records_per_second": PAIRS / statistics.median(times),
        "reciprocal_rank": rank,
    }


def main() -> None:
    records, _ = pairs(64)
    rows = {"--adapt": measure(records, SMALL, 0.0, PRETRAINING.epochs)}
    records, letters = pairs(96)
    named = replace(READING, image_settings={"channels": 1, "letters": letters})
    rows["--adapt-reading"] = measure(records, named, 1.0, _READING_EPOCHS)
    report = {"pairs": PAIRS, "threads": torch.get_num_threads(), "rows": rows}
    PATH.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    for name, row in rows.items():
        print(f"  {name:16} {row['pretrain_seconds']:.0f} s, then {row['records_per_second']:.0f} records a second")


if __name__ == "__main__":
    main()
