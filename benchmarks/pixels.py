"""PixPro against an image-level baseline, by the classes of pixels.

Claim: features trained to agree pixel by pixel tell the classes of places better than features trained on whole images.

Protocol: CamVid street frames (reduced to 96 x 128 pixels), trained without labels on the left and right squares of the 367
training frames: PixPro, PixContrast, and NT-Xent on averaged features, the same encoder, batches, steps and seeds; beside
them the untrained encoder and the colors alone. Judged by a linear classifier on the frozen map of each place, learned on
the training frames, mean intersection over union over the classes of the test frames, void left out. All are trained by
SGD, and PixPro by AdamW, too, which is its recipe in kinfolk: it was chosen on the validation frames (one seed; before
SGD with a faster target); once more for three times as many epochs, a number chosen by nothing, after the test rows of ten
were known. Nothing is chosen with the test frames.

Run: ``python -m benchmarks.pixels [--seeds 3]``. Writes ``benchmarks/results/training/pixpro.json`` and ``.svg``.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
from collections.abc import Callable
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

HEIGHT, WIDTH, SIZE, VOID = 96, 128, 64, 11
ENCODER = {"encoder": "resnet", "encoder_settings": {"depth": 8, "width": 16}}
RECIPE = {"epochs": 10, "batch_size": 32, "optimizer": "sgd", "learning_rate": 0.24}
ADAMW = {"optimizer": "adamw", "learning_rate": 1e-3}
ARMS = {
    "NT-Xent on averages": ("simclr", {"temperature": 0.2}, {}),
    "PixContrast": ("pixpro", {"contrast": True}, {}),
    "PixPro": ("pixpro", {}, {}),
    "PixPro by AdamW": ("pixpro", {}, ADAMW),
    "PixPro by AdamW, 30 epochs": ("pixpro", {}, {**ADAMW, "epochs": 30}),
}
CLAIMS = (
    Claim(
        "PixPro tells the classes of places better than NT-Xent on averages", "PixPro", "NT-Xent on averages", "miou"
    ),
    Claim("PixPro is better than PixContrast", "PixPro", "PixContrast", "miou"),
    Claim("PixPro is better than the untrained encoder", "PixPro", "untrained", "miou"),
    Claim("PixPro by AdamW is better than the untrained encoder", "PixPro by AdamW", "untrained", "miou"),
    Claim(
        "PixPro by AdamW for 30 epochs is better than the untrained encoder",
        "PixPro by AdamW, 30 epochs",
        "untrained",
        "miou",
    ),
    Claim("PixPro is better by AdamW than by SGD", "PixPro by AdamW", "PixPro", "miou"),
    Claim("PixContrast is better than the untrained encoder", "PixContrast", "untrained", "miou"),
)


def squares(pixels: np.ndarray) -> Images:
    """The left and the right square of each frame, (frames, 3, height, width), at the size at which views are drawn."""
    sides = np.concatenate([pixels[..., :HEIGHT], pixels[..., -HEIGHT:]])
    small = torch.nn.functional.interpolate(torch.from_numpy(sides).float(), (SIZE, SIZE), mode="area")
    return Images(small.round().to(torch.uint8).numpy(), tuple(str(number) for number in range(len(sides))))


def frames(split: str) -> tuple[np.ndarray, np.ndarray]:
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


Maps = Callable[[Tensor], Tensor]


@torch.no_grad()
def judge(
    maps_of: Maps, known: tuple[np.ndarray, np.ndarray], asked: tuple[np.ndarray, np.ndarray]
) -> dict[str, float]:
    """Mean intersection over union of a linear classifier on the maps (frames, dim, rows, columns) of uint8 frames."""
    maps = [
        np.concatenate([maps_of(part).numpy() for part in torch.from_numpy(pixels).split(32)])
        for pixels, _ in (known, asked)
    ]
    return {"miou": pixel_probe(maps[0], known[1], maps[1], asked[1], ignore=VOID)}


def raw(pixels: Tensor) -> Tensor:
    """The colors of each place, at the resolution of the encoder's maps."""
    return torch.nn.functional.avg_pool2d(pixels / 255.0, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    known, asked = frames("train"), frames("test")
    images = squares(known[0])
    path = FOLDER / "pixpro.json"
    report: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {"rows": {}}
    rows = report["rows"]
    for seed in seeds:
        for name, (method, settings, recipe) in ARMS.items():
            if f"{name} / {seed}" in rows:
                continue
            began = time.process_time()
            with tempfile.TemporaryDirectory() as folder:
                model = train(
                    images,
                    method=method,
                    output=folder,
                    size=SIZE,
                    settings=settings,
                    recipe={**RECIPE, **recipe},
                    seed=seed,
                    **ENCODER,
                )
            rows[f"{name} / {seed}"] = judge(model.encoder.feature_map, known, asked)
            keep(path, report)
            print(f"{name:22} {seed} {rows[f'{name} / {seed}']} {time.process_time() - began:.0f} s", flush=True)
        torch.manual_seed(seed)
        untrained = image_encoder("resnet", **ENCODER["encoder_settings"]).eval()
        rows[f"untrained / {seed}"] = judge(untrained.feature_map, known, asked)
        rows[f"raw pixels / {seed}"] = judge(raw, known, asked)
    table = {
        name: [float(f([rows[f"{name} / {seed}"]["miou"] for seed in seeds])) for f in (np.mean, deviation)]
        for name in [*ARMS, "untrained", "raw pixels"]
    }
    report |= {"recipe": RECIPE, "table": table, "verdicts": [verdict(claim, rows, seeds) for claim in CLAIMS]}
    keep(path, report)
    plot = bars([(name, *values) for name, values in table.items()], CLAIMS[0].sentence)
    path.with_suffix(".svg").write_text(plot, encoding="utf-8")
    for name, (mean, spread) in table.items():
        print(f"  {name:22} {mean:.4f} +- {spread:.4f}")
    print("\n".join(report["verdicts"]))


def deviation(values: list[float]) -> float:
    return float(np.std(values, ddof=1))


if __name__ == "__main__":
    main()
