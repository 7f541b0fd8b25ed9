"""The training itself, from a description that can be sent to another process."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader

from kinfolk.data.images import Images
from kinfolk.encoders.image import ImageEncoder
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.methods.batches import batches
from kinfolk.methods.checkpoints import Checkpoints
from kinfolk.methods.checks import check_queue
from kinfolk.methods.history import HISTORY, EpochEnd
from kinfolk.methods.method import Method
from kinfolk.methods.monitor import Monitor
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.registry import Entry
from kinfolk.methods.settings import Setting
from kinfolk.methods.split import InStep, SplitEncoder
from kinfolk.methods.traces import without_traces
from kinfolk.methods.trainable import Trainable
from kinfolk.methods.watch import Watch

Facts = Mapping[str, npt.NDArray[np.floating]]


@dataclass(frozen=True)
class Job:
    """All that a training depends on, but the images.

    Attributes:
        entry, settings: the method.
        recipe: how it is trained.
        encoder, encoder_settings: see ``image_encoder``.
        size: height and width of the images in pixels.
        seed: of everything random.
        checkpoint: the file a training goes on from; the history lies beside it.
        key: what a training must have in common with one it goes on from.
        patience, tensorboard, checkpoint_minutes: see ``train``.
    """

    entry: Entry
    settings: Mapping[str, Setting]
    recipe: Recipe
    encoder: str
    encoder_settings: Mapping[str, int]
    size: int
    seed: int
    checkpoint: Path
    key: Mapping[str, str]
    patience: int | None
    tensorboard: bool
    checkpoint_minutes: float | None


@dataclass(frozen=True, eq=False)
class Trained:
    """What comes out of a training.

    Attributes:
        encoder: what was trained.
        history: the epochs; none where another process measures them.
        facts: see ``Method.facts``.
    """

    encoder: ImageEncoder
    history: tuple[EpochEnd, ...]
    facts: Facts


def fit(
    job: Job,
    images: Images,
    *,
    progress: Callable[[EpochEnd], None] | None = None,
    rank: int = 0,
    devices: int = 1,
) -> Trained:
    """Train, or go on.

    Args:
        job: what is trained.
        images: on what.
        progress: told of each epoch as it ends.
        rank: of this process among those that train together; the first one measures and keeps.
        devices: how many they are.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.seed)
        network = image_encoder(job.encoder, **job.encoder_settings)
        module = job.entry.make(network if devices == 1 else SplitEncoder(network), **job.settings)
    assert isinstance(module, Method)
    check_queue(job.entry, job.settings, job.recipe, len(images))
    loader = batches(images, batch_size=job.recipe.batch_size, seed=job.seed)
    module.recipe, module.seed = job.recipe, job.seed
    module.steps = job.recipe.epochs * math.ceil(len(loader) / job.recipe.accumulate)
    checkpoints = Checkpoints(job.checkpoint, job.key, minutes=job.checkpoint_minutes)
    watch = None
    if rank == 0:
        monitor = Monitor(images, size=job.size, seed=job.seed)
        watch = Watch(job.checkpoint.with_name(HISTORY), monitor, checkpoints, patience=job.patience, progress=progress)
    run(
        module,
        loader,
        checkpoints,
        callbacks=[callback for callback in (watch, InStep() if devices > 1 else None) if callback is not None],
        tensorboard=job.checkpoint.parent if job.tensorboard and rank == 0 else None,
        rank=rank,
        devices=devices,
    )
    return Trained(network, () if watch is None else tuple(watch.history), module.facts())


def run(
    module: Trainable,
    loader: DataLoader[Any],
    checkpoints: Checkpoints,
    *,
    callbacks: Sequence[lightning.Callback],
    tensorboard: Path | None = None,
    rank: int = 0,
    devices: int = 1,
) -> None:
    """Train a module by its recipe, from the beginning or from where its checkpoints are.

    Args:
        module: what is trained.
        loader: gives its batches.
        checkpoints: where to go on from.
        callbacks: such as a ``Watch``.
        tensorboard: the folder of its logs; None for none.
        rank, devices: see ``fit``.
    """
    recipe = module.recipe
    with without_traces():
        trainer = lightning.Trainer(
            max_epochs=recipe.epochs,
            accelerator="auto" if devices == 1 else "gpu" if torch.cuda.is_available() else "cpu",
            devices=[rank] if devices > 1 and torch.cuda.is_available() else 1,
            precision="bf16-mixed" if recipe.precision == "bfloat16" else "32-true",
            accumulate_grad_batches=recipe.accumulate,
            gradient_clip_val=recipe.clip_norm,
            logger=_tensorboard(tensorboard) if tensorboard is not None else False,
            callbacks=list(callbacks),
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            deterministic=True,
        )
        trainer.fit(module, loader, ckpt_path=checkpoints.find())


def _tensorboard(folder: Path) -> Any:
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(folder, name="tensorboard", version="")
