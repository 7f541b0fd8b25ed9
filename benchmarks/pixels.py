"""PixPro against an image-level baseline, by the classes of pixels.

Claim: features trained to agree pixel by pixel tell the classes of places better than features trained on whole images.

Protocol: CamVid street frames (reduced to 96 x 128 pixels), trained without labels on the 367 training frames: PixPro,
PixContrast, and NT-Xent on averaged features, the same encoder, batches, steps and seeds; beside them the untrained
encoder. Judged by a linear classifier on the frozen map of each place, learned on the training frames, mean intersection
over union over the classes of the test frames, void left out. Nothing is chosen with the test frames.

Run: ``python -m benchmarks.pixels [--seeds 3]``. Writes ``benchmarks/results/training/pixpro.json`` and ``.svg``.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image

from benchmarks.plot import bars
from benchmarks.sets import RESULTS, data_folder
from benchmarks.training import keep
from kinfolk.data.images import Images
from kinfolk.encoders.image import ImageEncoder
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.evaluation.segmentation import pixel_probe
from kinfolk.methods.fit import train

HEIGHT, WIDTH, VOID = 96, 128, 11
ENCODER = {"encoder": "resnet", "encoder_settings": {"depth": 8, "width": 16}}
RECIPE = {"epochs": 40, "batch_size": 32, "learning_rate": 0.24}
ARMS = {
    "NT-Xent on averages": ("simclr", {"temperature": 0.2}),
    "PixContrast": ("pixpro", {"contrast": True}),
    "PixPro": ("pixpro", {}),
}


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


@torch.no_grad()
def judge(encoder: ImageEncoder, known: tuple[np.ndarray, np.ndarray], asked: tuple[np.ndarray, np.ndarray]) -> float:
    encoder.eval()
    maps = [
        np.concatenate([encoder.feature_map(part).numpy() for part in torch.from_numpy(pixels).split(32)])
        for pixels, _ in (known, asked)
    ]
    return pixel_probe(maps[0], known[1], maps[1], asked[1], ignore=VOID)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    known, asked = frames("train"), frames("test")
    images = Images(known[0], tuple(str(number) for number in range(len(known[0]))))
    scores: dict[str, list[float]] = {"untrained": [], **{name: [] for name in ARMS}}
    for seed in range(arguments.seeds):
        torch.manual_seed(seed)
        scores["untrained"].append(judge(image_encoder("resnet", **ENCODER["encoder_settings"]), known, asked))
        for name, (method, settings) in ARMS.items():
            began = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                model = train(
                    images,
                    method=method,
                    output=folder,
                    size=64,
                    settings=settings,
                    recipe=RECIPE,
                    seed=seed,
                    **ENCODER,
                )
            scores[name].append(judge(model.encoder, known, asked))
            print(f"{name:22} {seed} {scores[name][-1]:.4f} {time.perf_counter() - began:.0f} s", flush=True)
    paired = np.array(scores["PixPro"]) - np.array(scores["NT-Xent on averages"])
    error = paired.std(ddof=1) / np.sqrt(len(paired))
    showed = "showed" if paired.mean() > 2 * error else "did not show"
    verdict = f"PixPro is better than NT-Xent on averages by mIoU: {showed} ({paired.mean():+.4f} +- {error:.4f})."
    rows = [(name, float(np.mean(v)), float(np.std(v, ddof=1))) for name, v in scores.items()]
    report = {"claim": "PixPro > image-level NT-Xent by mIoU", "verdict": verdict, "scores": scores, "recipe": RECIPE}
    keep(RESULTS / "training" / "pixpro.json", report)
    (RESULTS / "training" / "pixpro.svg").write_text(bars(rows, verdict), encoding="utf-8")
    for name, mean, deviation in rows:
        print(f"  {name:22} {mean:.4f} +- {deviation:.4f}")
    print(f"  {verdict}")


if __name__ == "__main__":
    main()
