"""What the papers of the methods claim, on real images, beside their baselines and beside an untrained encoder.

Protocol: within an experiment all arms train the same encoder (ResNet of 8 layers, width 16, random weights) on the same
images with the same batches, steps and seeds; nothing is chosen with test labels, all settings stand in this file. The
encoder without its projector is then judged on images it has not seen: accuracy of 10 weighted neighbors among the
training images (or balanced ones of them), a linear probe, and the geometry of the space. Rows beside them: the untrained
encoder of the same seeds, and raw pixels. Reported: mean and deviation over the seeds, for each claim one sentence that
says whether it showed (the difference of two arms over the seeds exceeds twice its standard error), and which arms beat
the untrained encoder by more than both deviations together.

Each finished run is kept in ``benchmarks/results/training/``; the same call goes on where it stopped.

Run: ``python -m benchmarks.training [EXPERIMENT ...] [--seeds 3]``, with the extra ``train``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.arms import IMBALANCE  # registers the arms that are baselines only
from benchmarks.plot import bars
from benchmarks.sets import RESULTS, data_folder
from kinfolk.data.images import Images, read_images
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.evaluation.knn import knn_accuracy
from kinfolk.evaluation.linear import linear_accuracy
from kinfolk.evaluation.spread import effective_rank
from kinfolk.methods.fit import train
from kinfolk.methods.model import Model

FOLDER = RESULTS / "training"
ENCODER = {"encoder": "resnet", "encoder_settings": {"depth": 8, "width": 16}}
TRAIN_IMAGES, TEST_IMAGES = 4_000, 2_000


@dataclass(frozen=True)
class Arm:
    """One thing that is compared.

    Attributes:
        name: in the table.
        method: of ``kinfolk methods``, or a baseline of ``benchmarks.arms``.
        settings: of the method.
        recipe: that differs from the experiment's.
        imbalanced: whether the training images are thinned to a long tail.
    """

    name: str
    method: str
    settings: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    imbalanced: bool = False


@dataclass(frozen=True)
class Claim:
    """That one arm is better than another.

    Attributes:
        sentence: what the paper says.
        better, worse: arms whose difference the claim says is positive.
        measure: of the difference.
    """

    sentence: str
    better: str
    worse: str
    measure: str = "knn"


@dataclass(frozen=True)
class Experiment:
    """Claims and the arms that test them.

    Attributes:
        claims: of the paper; the plot shows the measure of the first.
        arms: what is trained.
        recipe: common to them.
    """

    claims: tuple[Claim, ...]
    arms: tuple[Arm, ...]
    recipe: dict[str, Any]


def by_batch(batch: int) -> dict[str, Any]:
    return {"batch_size": batch, "learning_rate": 0.06 * 256 / batch}  # the same step at every batch


TEMPERATURES = (0.03, 0.1, 0.3, 1.0)
EXPERIMENTS = {
    "dcl": Experiment(
        tuple(
            Claim(f"DCL is better than NT-Xent at batch {batch}", f"DCL, batch {batch}", f"NT-Xent, batch {batch}")
            for batch in (16, 32, 128)
        ),
        tuple(
            Arm(f"{name}, batch {batch}", method, {"temperature": 0.1}, by_batch(batch))
            for batch in (16, 32, 128)
            for name, method in (("NT-Xent", "simclr"), ("DCL", "dcl"))
        ),
        {"epochs": 4, "optimizer": "sgd"},
    ),
    "cacr": Experiment(
        tuple(
            Claim(f"CACR is better than {other}{where}", f"CACR{arm}", f"{other}{arm}")
            for arm, where in ((", uneven", " where classes are uneven (1 : 50)"), ("", " where classes are even"))
            for other in ("NT-Xent, 4 views", "uniform weights")
        ),
        tuple(
            Arm(f"{name}{', uneven' if uneven else ''}", method, settings, {}, uneven)
            for uneven in (False, True)
            for name, method, settings in (
                ("NT-Xent, 4 views", "simclr", {"num_views": 4, "temperature": 0.2}),
                ("uniform weights", "cacr", {"tau_pos": 0.0, "tau_neg": 0.0}),
                ("CACR", "cacr", {}),
            )
        ),
        {"epochs": 4, "batch_size": 128},
    ),
    "groco": Experiment(
        (
            Claim("GroCo is better than NT-Xent by its nearest neighbors", "GroCo", "NT-Xent"),
            Claim("GroCo is better than NT-Xent with the hardest negatives", "GroCo", "NT-Xent, hardest 10"),
            Claim("Neighbors as positives are better than views of the same image", "NNCLR", "NT-Xent"),
        ),
        (
            Arm("NT-Xent", "simclr", {"temperature": 0.2}),
            Arm("NT-Xent, hardest 10", "ntxenttopk", {"temperature": 0.2}),
            Arm("GroCo", "groco", {}, {"learning_rate": 2.0}),  # by the neighbors of the training images, seed 0
            Arm("NNCLR", "nnclr", {"queue_size": 2048}),
        ),
        {"epochs": 5, "batch_size": 128},
    ),
    "swav": Experiment(
        (
            Claim("SwAV is better than NT-Xent at batch 32", "SwAV", "NT-Xent"),
            Claim("SwAV collapses without Sinkhorn", "SwAV", "SwAV without Sinkhorn"),
            Claim(
                "Without Sinkhorn the vectors fill fewer directions", "SwAV", "SwAV without Sinkhorn", "effective_rank"
            ),
        ),
        (
            Arm("NT-Xent", "simclr", {"temperature": 0.2}),
            Arm("SwAV", "swav", {"num_prototypes": 60, "queue_size": 480}),
            Arm("SwAV without Sinkhorn", "swavsoftmax", {"num_prototypes": 60}),
        ),
        {"epochs": 4, "batch_size": 32, "learning_rate": 0.24},
    ),
    "mochi": Experiment(
        (
            Claim("MoCHi tells look-alikes apart better than MoCo", "MoCHi", "MoCo", "hard_precision"),
            Claim("MoCHi is better than MoCo by its nearest neighbors", "MoCHi", "MoCo"),
        ),
        (Arm("MoCo", "moco", {"queue_size": 2048}), Arm("MoCHi", "mochi", {"queue_size": 2048})),
        {"epochs": 5, "batch_size": 128},
    ),
    "hydra": Experiment(
        (
            Claim("Gates let pairs of any classes teach", "Hydra", "any pairs, no gate"),
            Claim("Hydra is better than SupCon", "Hydra", "SupCon"),
            Claim("Hydra's vectors fill more directions than SupCon's", "Hydra", "SupCon", "effective_rank"),
        ),
        (
            Arm("SupCon", "supcon"),
            Arm("any pairs, no gate", "hydranogate"),
            Arm("Hydra", "hydra"),
        ),
        {"epochs": 5, "batch_size": 128, "optimizer": "adamw", "learning_rate": 1e-3},
    ),
    "temperature": Experiment(
        (
            Claim(
                "A higher temperature spreads the push over more negatives",
                "t = 1.0",
                "t = 0.03",
                "effective_negatives",
            ),
            Claim("A lower temperature makes the space more even", "t = 1.0", "t = 0.03", "uniformity"),
            Claim("A higher temperature tolerates more within a class", "t = 1.0", "t = 0.03", "tolerance"),
            Claim("The best accuracy lies between the extremes: above the lowest", "t = 0.3", "t = 0.03"),
            Claim("The best accuracy lies between the extremes: above the highest", "t = 0.3", "t = 1.0"),
            Claim("Hard negatives alone make a high temperature useful", "hard, t = 1.0", "t = 1.0"),
        ),
        (
            *(Arm(f"t = {t}", "simclr", {"temperature": t}) for t in TEMPERATURES),
            *(Arm(f"hard, t = {t}", "hardcontrastive", {"temperature": t}) for t in (0.3, 1.0)),
        ),
        {"epochs": 4, "batch_size": 128},
    ),
}


def load(seed: int, *, imbalanced: bool) -> tuple[Images, Images]:
    """Training and test images of CIFAR-10; the seed draws the training images."""
    import pyarrow.parquet as pq

    table = pq.read_table(data_folder() / "img-cifar10" / "images.parquet")
    parts = {}
    for split, count in (("train", TRAIN_IMAGES), ("test", TEST_IMAGES)):
        rows = np.flatnonzero(np.array(table.column("split").to_pylist()) == split)
        rng = np.random.default_rng(seed if split == "train" else 0)
        chosen = rng.permutation(rows)
        if split == "train" and imbalanced:
            labels = np.array(table.column("label").to_pylist())[chosen]
            chosen = chosen[thin(labels, IMBALANCE)]
        parts[split] = read_images(table.take(np.sort(chosen[:count])), size=32, label="label", fit="crop")
    return parts["train"], parts["test"]


def thin(labels: np.ndarray, ratio: float) -> np.ndarray:
    """Rows left of each class so that class sizes fall geometrically, the last 1 / ratio of the first."""
    classes = np.unique(labels)
    kept = []
    for number, label in enumerate(classes):
        rows = np.flatnonzero(labels == label)
        kept.append(rows[: max(2, round(len(rows) * ratio ** (-number / (len(classes) - 1))))])
    return np.sort(np.concatenate(kept))


def judge(encode: Callable[[Images], np.ndarray], train_images: Images, test_images: Images) -> dict[str, float]:
    known, asked = encode(train_images), encode(test_images)
    assert train_images.labels is not None
    assert test_images.labels is not None
    return {
        "knn": knn_accuracy(asked, test_images.labels, train_vectors=known, train_labels=train_images.labels, k=10),
        "linear": linear_accuracy(known, train_images.labels, asked, test_images.labels, penalty=0.1),
        "effective_rank": effective_rank(asked),
        "hard_precision": hard_precision(encode, test_images),
    }


def hard_precision(encode: Callable[[Images], np.ndarray], images: Images) -> float:
    """Share of images whose own second view is nearer than every other image's, among look-alikes.

    The second view is the image moved by three pixels and dimmed; rivals are the second views of all test images.
    """
    moved = np.roll(images.pixels, 3, axis=3)
    dimmed = (moved * 0.8).astype(np.uint8)
    first, second = encode(images), encode(Images(dimmed, images.names))
    first, second = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (first, second))
    return float(((first @ second.T).argmax(1) == np.arange(len(first))).mean())


def run_arm(arm: Arm, experiment: Experiment, seed: int) -> dict[str, Any]:
    train_images, test_images = load(seed, imbalanced=arm.imbalanced)
    began = time.process_time()  # others on the machine, and pauses, do not count
    with tempfile.TemporaryDirectory() as folder:
        model = train(
            train_images,
            method=arm.method,
            output=folder,
            settings=arm.settings,
            recipe={**experiment.recipe, **arm.recipe},
            seed=seed,
            **ENCODER,
        )
    seconds = time.process_time() - began
    measures = {k: v for k, v in model.about["measures"].items() if k != "knn"}
    balanced = load(seed, imbalanced=False)[0] if arm.imbalanced else train_images
    return {**measures, **judge(model.encode, balanced, test_images), "seconds": seconds}


def baseline_rows(seed: int) -> dict[str, dict[str, float]]:
    train_images, test_images = load(seed, imbalanced=False)
    torch.manual_seed(seed)
    network = image_encoder("resnet", **ENCODER["encoder_settings"]).eval()
    untrained = Model(network, {"size": 32})
    return {
        "untrained": judge(untrained.encode, train_images, test_images),
        "raw pixels": judge(lambda i: i.pixels.reshape(len(i), -1) / 255.0, train_images, test_images),
    }


def keep(path: Path, rows: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def verdict(claim: Claim, rows: dict[str, Any], seeds: Sequence[int]) -> str:
    """Whether the claim showed, in one sentence with the numbers it rests on."""
    paired = [
        rows[f"{claim.better} / {seed}"][claim.measure] - rows[f"{claim.worse} / {seed}"][claim.measure]
        for seed in seeds
    ]
    mean, error = float(np.mean(paired)), float(np.std(paired, ddof=1) / np.sqrt(len(paired)))
    showed = "showed" if mean > 2 * error else "did not show" if mean >= -2 * error else "showed the opposite"
    return (
        f"{claim.sentence}: {showed}. {claim.better} against {claim.worse}: {claim.measure} {mean:+.3f} +- {error:.3f} "
        f"over {len(paired)} seeds."
    )


def summary(experiment: Experiment, rows: dict[str, Any], seeds: Sequence[int]) -> dict[str, Any]:
    """Mean and deviation of each arm, what beats the untrained encoder, and the verdicts."""

    def mean_and_deviation(row: str, measure: str) -> list[float]:
        values = [rows[f"{row} / {seed}"][measure] for seed in seeds]
        return [float(np.mean(values)), float(np.std(values, ddof=1))]

    arms = [arm.name for arm in experiment.arms]
    table = {
        row: {measure: mean_and_deviation(row, measure) for measure in rows[f"{row} / {seeds[0]}"]}
        for row in [*arms, "untrained", "raw pixels"]
    }
    floor, spread = table["untrained"]["knn"]
    return {
        "table": table,
        "beats_untrained": {arm: table[arm]["knn"][0] - floor > table[arm]["knn"][1] + spread for arm in arms},
        "verdicts": [verdict(claim, rows, seeds) for claim in experiment.claims],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", nargs="*", default=list(EXPERIMENTS))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    seeds = range(arguments.seeds)
    for name in arguments.experiments:
        experiment, path = EXPERIMENTS[name], FOLDER / f"{name}.json"
        report = json.loads(path.read_text("utf-8")) if path.exists() else {"rows": {}}
        rows = report["rows"]
        for seed in seeds:
            for arm in experiment.arms:
                key = f"{arm.name} / {seed}"
                if key not in rows:
                    rows[key] = run_arm(arm, experiment, seed)
                    keep(path, report)
                    print(f"{name:12} {key:34} {rows[key]['knn']:.3f} {rows[key]['seconds']:.0f} s", flush=True)
            if f"untrained / {seed}" not in rows:
                rows.update({f"{row} / {seed}": values for row, values in baseline_rows(seed).items()})
        report |= summary(experiment, rows, seeds)
        keep(path, report)
        measure = experiment.claims[0].measure
        shown = [(row, *values[measure]) for row, values in report["table"].items() if measure in values]
        path.with_suffix(".svg").write_text(
            bars(shown, f"{measure}: {experiment.claims[0].sentence}"), encoding="utf-8"
        )
        for row, mean, deviation in shown:
            print(f"  {row:30} {measure} {mean:.3f} +- {deviation:.3f}")
        for sentence in report["verdicts"]:
            print(f"  {sentence}", flush=True)


if __name__ == "__main__":
    main()
