"""How many views a second one core makes, beside kornia.

Claim: at least 3 times as many SimCLR views a second as kornia, at 32 x 32 and at 64 x 64, each image with parameters of
its own on both sides.

Protocol: one thread; a batch of random float images; crop (area .08 to 1), flip, color jitter (.8, .8, .8, .2; p .8),
gray (p .2), Gaussian blur (kernel a tenth of the side, sigma .1 to 2; p .5). kornia has one order of the jitter's steps
for a whole batch, kinfolk one for each image. Both are called in turn, so that what else the machine does falls on both;
the medians of the CPU seconds are compared.

Run: ``python -m benchmarks.views``, with ``kinfolk[train]`` installed (``--rounds 3`` for a quick look). Writes
``benchmarks/results/views.json``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from statistics import median

import kornia.augmentation as K
import torch
from torch import Tensor

from benchmarks.sets import RESULTS
from kinfolk.views import blur_kernel, draw_views, simclr

SIDES = (32, 64)
BATCH = 256

Views = Callable[[Tensor], object]


def ours(side: int) -> Views:
    """One view of each image by kinfolk."""
    family = simclr(side)[:1]
    generator = torch.Generator().manual_seed(0)
    return lambda images: draw_views(images, family, generator=generator)


def kornias(side: int) -> Views:
    """One view of each image by kornia; its fastest way to crop a batch, by resampling."""
    kernel = blur_kernel(side)
    return torch.nn.Sequential(
        K.RandomResizedCrop((side, side), scale=(0.08, 1.0), cropping_mode="resample"),
        K.RandomHorizontalFlip(),
        K.ColorJitter(0.8, 0.8, 0.8, 0.2, p=0.8),
        K.RandomGrayscale(p=0.2),
        K.RandomGaussianBlur((kernel, kernel), (0.1, 2.0), p=0.5),
    )


def seconds(make: Views, images: Tensor) -> float:
    """CPU seconds of one call, which others on the machine disturb less than those on the clock."""
    started = time.process_time()
    make(images)
    return time.process_time() - started


def compare(side: int, rounds: int) -> dict[str, float]:
    """Views a second of both, by the medians of interleaved calls."""
    images = torch.rand(BATCH, 3, side, side, generator=torch.Generator().manual_seed(0))
    makers = {"kinfolk": ours(side), "kornia": kornias(side)}
    for make in makers.values():  # the first call of each also loads and allocates
        make(images)
    times: dict[str, list[float]] = {name: [] for name in makers}
    for _ in range(rounds):
        for name, make in makers.items():
            times[name].append(seconds(make, images))
    medians = {name: median(values) for name, values in times.items()}
    return {
        "side": side,
        **{f"{name}_views_per_second": round(BATCH / value) for name, value in medians.items()},
        "ratio": round(medians["kornia"] / medians["kinfolk"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=31)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [compare(side, options.rounds) for side in SIDES]
    for row in rows:
        print(
            f"{row['side']} x {row['side']}: kinfolk {row['kinfolk_views_per_second']:,} views/s, "
            f"kornia {row['kornia_views_per_second']:,} views/s, {row['ratio']:.2f} times"
        )
    found = {"batch": BATCH, "rounds": options.rounds, "threads": 1, "sides": rows}
    (RESULTS / "views.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
