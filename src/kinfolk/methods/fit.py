"""Training an encoder from beginning to end, and going on where a killed training stopped."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import pyarrow as pa
import torch

from kinfolk.data.images import Images, OnError, read_images
from kinfolk.data.run import Run
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.errors import ConfigurationError
from kinfolk.methods.batches import batches
from kinfolk.methods.checkpoints import Checkpoints
from kinfolk.methods.model import Model
from kinfolk.methods.monitor import Monitor
from kinfolk.methods.registry import find_method
from kinfolk.methods.traces import without_traces
from kinfolk.methods.watch import EpochEnd, Watch

__all__ = ["EpochEnd", "train"]


def train(
    data: object,
    *,
    method: str,
    output: str | Path,
    encoder: str = "resnet",
    encoder_settings: Mapping[str, int] | None = None,
    size: int = 32,
    settings: Mapping[str, object] | None = None,
    recipe: Mapping[str, object] | None = None,
    label: str | None = None,
    seed: int = 0,
    on_error: OnError = "raise",
    patience: int | None = None,
    tensorboard: bool = False,
    checkpoint_minutes: float | None = 5.0,
    progress: Callable[[EpochEnd], None] | None = None,
    reading: Callable[[float], None] | None = None,
) -> Model:
    """Train an image encoder on one's own images, and keep it in a folder.

    The same call goes on where a killed one kept its state last, in the middle of an epoch or at its end, with the weights
    that an undisturbed training would have.

    Args:
        data: a folder of images, a Parquet file or an Arrow table with a column of them, an ``.npz`` file, or ``Images``.
        method: one of ``kinfolk methods``.
        output: the folder of the model; checkpoints lie beside it until the training is done.
        encoder: see ``image_encoder``.
        encoder_settings: such as width and depth, see there.
        size: height and width in pixels at which images are read and seen.
        settings: of the method, by name; the others keep their defaults.
        recipe: fields of ``Recipe`` that differ from those of the method.
        label: the column with the labels; "folder" takes the names of sub-folders. None trains without; labels also let
            the neighbor probe be shown.
        seed: of everything random.
        on_error: "raise" refuses images that cannot be read, "skip" leaves them out and says so.
        patience: epochs without a better neighbor probe after which the training stops; needs labels. None trains to the
            end.
        tensorboard: whether to write logs for TensorBoard, too (extra ``tensorboard``).
        checkpoint_minutes: of wall-clock time after which the state is kept within an epoch, too, at the next step of the
            optimizer; 0 or None keeps it at the ends of epochs only. The weights are the same whatever it is.
        progress: told of each epoch as it ends.
        reading: told the share of the images that is read.

    Raises:
        ConfigurationError: an option is not possible.
        DataError: images cannot be read.
        RunError: the folder belongs to another training.
    """
    entry = find_method(method)
    chosen = entry.read_settings({"size": size, **(settings or {})})
    training = replace(entry.recipe, **_known_fields(entry.recipe, recipe or {}))
    images = _read(data, size, label, on_error, reading)
    if entry.labels and images.labels is None:
        raise ConfigurationError(
            f"The method {method} learns from labels, and the data have none. Say where they are (label), or take another "
            "method."
        )
    if "num_classes" in entry.settings() and "num_classes" not in chosen:
        chosen["num_classes"] = len(images.label_names)
    if patience is not None and images.labels is None:
        raise ConfigurationError("patience needs labels, by which the neighbor probe tells better from worse.")
    folder, options = Path(output), dict(encoder_settings or {})
    key = {
        "version": version("kinfolk"),
        "images": _fingerprint(images),
        "method": method,
        "encoder": json.dumps([encoder, options], sort_keys=True),
        "settings": json.dumps(chosen, sort_keys=True),
        "recipe": json.dumps(asdict(training), sort_keys=True),
        "seed": str(seed),
    }
    store = Run(folder / "training", key)
    assert store.folder is not None
    checkpoints = Checkpoints(store.folder, minutes=checkpoint_minutes)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = image_encoder(encoder, **options)
        module = entry.make(network, **chosen)
    loader = batches(images, batch_size=training.batch_size, seed=seed)
    module.recipe, module.seed = training, seed
    module.steps = training.epochs * math.ceil(len(loader) / training.accumulate)
    monitor = Monitor(images, size=size, seed=seed)
    watch = Watch(store.folder, monitor, checkpoints, patience=patience, progress=progress)
    with without_traces():
        trainer = lightning.Trainer(
            max_epochs=training.epochs,
            accelerator="auto",
            devices=1,
            precision="bf16-mixed" if training.precision == "bfloat16" else "32-true",
            accumulate_grad_batches=training.accumulate,
            gradient_clip_val=training.clip_norm,
            logger=_tensorboard(store.folder) if tensorboard else False,
            callbacks=[watch],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            deterministic=True,
        )
        trainer.fit(module, loader, ckpt_path=checkpoints.find())
    about = {
        "version": version("kinfolk"),
        "method": method,
        "paper": entry.paper,
        "encoder": encoder,
        "encoder_settings": options,
        "dim": network.dim,
        "size": size,
        "settings": chosen,
        "recipe": asdict(training),
        "seed": seed,
        "data": "given as arrays" if isinstance(data, Images) else str(data),
        "skipped": list(images.skipped),
        "images": len(images),
        "epochs": len(watch.history),
        "measures": {"loss": watch.history[-1].loss, **watch.history[-1].measures},
    }
    model = Model(network.eval(), about)
    model.save(folder)
    return model


def _read(
    data: object, size: int, label: str | None, on_error: OnError, reading: Callable[[float], None] | None
) -> Images:
    if isinstance(data, Images):
        return data
    if not isinstance(data, str | Path | pa.Table):
        raise ConfigurationError(f"data must be a folder, a file, an Arrow table or Images. Got {type(data).__name__}.")

    def tell(done: int, total: int) -> None:
        if reading is not None:
            reading(done / total)

    return read_images(data, size=size, label=label, on_error=on_error, progress=tell)


def _fingerprint(images: Images) -> str:
    digest = hashlib.blake2b(np.ascontiguousarray(images.pixels).data, digest_size=16)
    digest.update(repr(images.pixels.shape).encode())
    if images.labels is not None:
        digest.update(np.ascontiguousarray(images.labels).data)
    return digest.hexdigest()


def _known_fields(recipe: object, given: Mapping[str, object]) -> dict[str, Any]:
    known = asdict(recipe)  # type: ignore[call-overload]
    for name in given:
        if name not in known:
            raise ConfigurationError(f"A recipe has no {name!r}. It has: {', '.join(known)}.")
    return dict(given)


def _tensorboard(folder: Path) -> Any:
    from importlib.util import find_spec

    from kinfolk.errors import MissingExtraError

    if find_spec("tensorboard") is None:
        raise MissingExtraError("Logs for TensorBoard", "tensorboard")
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(folder, name="tensorboard", version="")
