"""PixPro against an image-level baseline, by the classes of pixels.

Claim: features trained to agree pixel by pixel tell the classes of places better than features trained on whole images.

Protocol: CamVid street frames (reduced to 96 x 128 pixels), trained without labels on the left and right squares of the 367
training frames: PixPro, PixContrast, and NT-Xent on averaged features, the same encoder, optimizer, batches, steps and
seeds; beside them the untrained encoder and the colors alone. Judged by a linear classifier on the frozen map of each
place, learned on the training frames, mean intersection over union over the classes of the asked frames, void left out.
The number of epochs is the one of ``LENGTHS`` at which PixPro is best on the validation frames (seed 0; AdamW was chosen
there, too, before SGD). The test frames are asked once, of models of other seeds.

Run: ``python -m benchmarks.pixels [--seeds 3 4 5] [--arms ARM ...]``. Writes ``benchmarks/results/training/pixpro.json`` and ``.svg``.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch import Tensor

from benchmarks.plot import bars
from benchmarks.sets import data_folder
from benchmarks.training import FOLDER, Claim, keep, verdict
from kinfolk.data.images import Images
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.evaluation.segmentation import pixel_probe
from kinfolk.methods.fit import train

RESULT = FOLDER / "pixpro.json"
HEIGHT, WIDTH, SIZE, VOID = 96, 128, 64, 11
ENCODER = {"encoder": "resnet", "encoder_settings": {"depth": 8, "width": 16}}
RECIPE = {"batch_size": 32, "optimizer": "adamw", "learning_rate": 1e-3}
LENGTHS = (10, 20, 30)  # epochs
ARMS = {
    "NT-Xent on averages": ("simclr", {"temperature": 0.2}),
    "PixPro": ("pixpro", {}),
    "PixContrast": ("pixpro", {"contrast": True}),
}
CLAIMS = (
    Claim(
        "PixPro tells the classes of places better than NT-Xent on averages", "PixPro", "NT-Xent on averages", "miou"
    ),
    Claim("PixPro is better than PixContrast", "PixPro", "PixContrast", "miou"),
    *(Claim(f"{arm} is better than the untrained encoder", arm, "untrained", "miou") for arm in ARMS),
)

Maps = Callable[[Tensor], Tensor]
Frames = tuple[np.ndarray, np.ndarray]


def squares(pixels: np.ndarray) -> Images:
    """The left and the right square of each frame, (frames, 3, height, width), at the size at which views are drawn."""
    sides = np.concatenate([pixels[..., :HEIGHT], pixels[..., -HEIGHT:]])
    small = torch.nn.functional.interpolate(torch.from_numpy(sides).float(), (SIZE, SIZE), mode="area")
    return Images(small.round().to(torch.uint8).numpy(), tuple(str(number) for number in range(len(sides))))


def frames(split: str) -> Frames:
    """Pixels uint8 (frames, 3, height, width) and classes (frames, height, width)."""
    table = pq.read_table(data_folder() / "img-camvid" / "frames.parquet")
    table = table.filter([s == split for s in table.column("split").to_pylist()])
    pictures, classes = [], []
    for row in table.to_pylist():
        picture = Image.open(io.BytesIO(row["jpeg"])).convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
        label = Image.open(io.BytesIO(row["label_png"])).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST)
        pictures.append(np.asarray(picture).transpose(2, 0, 1))
        classes.append(np.asarray(label))
    return np.stack(pictures), np.stack(classes).astype(np.int64)


@torch.no_grad()
def judge(maps_of: Maps, known: Frames, asked: Frames) -> dict[str, float]:
    """Mean intersection over union of a linear classifier on the maps (frames, dim, rows, columns) of uint8 frames."""
    maps = [
        np.concatenate([maps_of(part).numpy() for part in torch.from_numpy(pixels).split(32)])
        for pixels, _ in (known, asked)
    ]
    return {"miou": pixel_probe(maps[0], known[1], maps[1], asked[1], ignore=VOID)}


def raw(pixels: Tensor) -> Tensor:
    """The colors of each place, at the resolution of the encoder's maps."""
    return torch.nn.functional.avg_pool2d(pixels / 255.0, 4)


def trained(arm: str, images: Images, epochs: int, seed: int) -> Maps:
    """The maps of the encoder that the arm trains."""
    method, settings = ARMS[arm]
    with tempfile.TemporaryDirectory() as folder:
        recipe = {**RECIPE, "epochs": epochs}
        model = train(
            images, method=method, output=folder, size=SIZE, settings=settings, recipe=recipe, seed=seed, **ENCODER
        )
    return model.encoder.feature_map


def untrained(seed: int) -> Maps:
    torch.manual_seed(seed)
    return image_encoder("resnet", **ENCODER["encoder_settings"]).eval().feature_map


def fill(
    report: dict[str, Any], rows: dict[str, Any], key: str, maps_of: Callable[[], Maps], known: Frames, asked: Frames
) -> None:
    """Judges what the key names, unless an earlier call has."""
    if key not in rows:
        began = time.process_time()
        rows[key] = judge(maps_of(), known, asked) | {"seconds": time.process_time() - began}
        keep(RESULT, report)
        print(f"{key:28} {rows[key]['miou']:.4f} {rows[key]['seconds']:.0f} s", flush=True)


def choose_length(known: Frames, report: dict[str, Any]) -> int:
    """Epochs at which PixPro is best on the validation frames."""
    images, asked = squares(known[0]), frames("val")
    rows = report.setdefault("validation", {})
    for epochs in LENGTHS:
        fill(report, rows, str(epochs), partial(trained, "PixPro", images, epochs, 0), known, asked)
    fill(report, rows, "untrained", partial(untrained, 0), known, asked)
    return max(LENGTHS, key=lambda epochs: rows[str(epochs)]["miou"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 4, 5])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    arguments = parser.parse_args()
    seeds, arms = arguments.seeds, arguments.arms
    report: dict[str, Any] = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {"rows": {}}
    known, asked = frames("train"), frames("test")
    epochs = choose_length(known, report)
    images, rows = squares(known[0]), report["rows"]
    encoders: dict[str, Callable[[int], Maps]] = {
        **{arm: partial(trained, arm, images, epochs) for arm in arms},
        "untrained": untrained,
        "raw pixels": lambda _: raw,
    }
    for name, encoder in encoders.items():
        for seed in seeds:
            fill(report, rows, f"{name} / {seed}", partial(encoder, seed), known, asked)
    table = {
        name: [float(f([rows[f"{name} / {seed}"]["miou"] for seed in seeds])) for f in (np.mean, deviation)]
        for name in encoders
    }
    report |= {"recipe": {**RECIPE, "epochs": epochs}, "table": table}
    report |= {"beats_untrained": {arm: beats(table, arm) for arm in arms}}
    claims = [claim for claim in CLAIMS if {claim.better, claim.worse} <= {*arms, "untrained"}]
    report |= {"verdicts": [verdict(claim, rows, seeds) for claim in claims]}
    keep(RESULT, report)
    plot = bars([(name, *values) for name, values in table.items()], CLAIMS[0].sentence)
    RESULT.with_suffix(".svg").write_text(plot, encoding="utf-8")
    for name, (mean, spread) in table.items():
        print(f"  {name:22} {mean:.4f} +- {spread:.4f}")
    print("\n".join(report["verdicts"]))


def beats(table: dict[str, list[float]], arm: str) -> bool:
    """Whether the arm is above the untrained encoder by more than both deviations."""
    (mean, spread), (floor, floor_spread) = table[arm], table["untrained"]
    return mean - floor > spread + floor_spread


def deviation(values: list[float]) -> float:
    return float(np.std(values, ddof=1))


if __name__ == "__main__":
    main()
