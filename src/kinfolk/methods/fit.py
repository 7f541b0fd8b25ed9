"""Training an encoder from beginning to end, and going on where a killed training stopped."""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import pickle
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as lightning
import numpy as np
import pyarrow as pa
import torch

from kinfolk.data.atomic import check_place
from kinfolk.data.images import Images, OnError, read_images
from kinfolk.data.run import MANIFEST, Run
from kinfolk.data.wording import listed, printable, reason_of
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.errors import ConfigurationError, DataError, RunError
from kinfolk.methods.batches import batches
from kinfolk.methods.model import FILES, Model
from kinfolk.methods.monitor import Monitor
from kinfolk.methods.process import memory_in_words, without_traces
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.registry import Entry, find_method
from kinfolk.methods.settings import Setting
from kinfolk.methods.watch import CHECKPOINT, EpochEnd, Watch

# What reading a damaged checkpoint raises, depending on the place of the damage
_BROKEN_PICKLE = (
    pickle.UnpicklingError, OSError, RuntimeError, EOFError, ValueError, LookupError, AttributeError, ImportError, TypeError,
)  # fmt: skip
_TRAINING = "training"  # the folder, in that of the model, where a training keeps what it needs to go on


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
    column: str | None = None,
    label: str | None = None,
    seed: int = 0,
    on_error: OnError = "raise",
    patience: int | None = None,
    tensorboard: bool = False,
    progress: Callable[[EpochEnd], None] | None = None,
    reading: Callable[[float], None] | None = None,
) -> Model:
    """Train an image encoder on one's own images, and keep it in a folder.

    The same call goes on where a killed one stopped, with the weights that an undisturbed training would have.

    Args:
        data: a folder of images, a Parquet file or an Arrow table with a column of them, an ``.npz`` file, or ``Images``.
        method: one of ``kinfolk methods``.
        output: the folder of the model; checkpoints lie beside it until the training is done.
        encoder: see ``image_encoder``.
        encoder_settings: such as width and depth, see there.
        size: height and width in pixels at which images are read and seen; ``Images`` must have been read at it.
        settings: of the method, by name; the others keep their defaults.
        recipe: fields of ``Recipe`` that differ from those of the method.
        column: the column, or the array, with the images; None takes the only one there is.
        label: the column with the labels; "folder" takes the names of sub-folders. None trains without; labels also let
            the neighbor probe be shown.
        seed: of everything random, in [0, 2^32).
        on_error: "raise" refuses images that cannot be read, "skip" leaves them out and says so.
        patience: epochs without a better neighbor probe, at least 1, after which the training stops; needs labels. None
            trains to the end.
        tensorboard: whether to write logs for TensorBoard, too (extra ``tensorboard``).
        progress: told of each epoch as it ends.
        reading: told the share of the images that is read.

    Raises:
        ConfigurationError: an option is not possible, or memory does not hold what it asks for.
        DataError: images cannot be read, or the folder cannot be written to.
        RunError: the folder belongs to another training or to something else, or the loss is no longer a number.
    """
    entry = find_method(method)
    chosen = entry.read_settings({"size": size, **(settings or {})})
    size = int(chosen["size"])
    training = entry.recipe.changed(recipe or {})
    folder, options = Path(output), _encoder_options(encoder_settings or {})
    checkpoint = folder / _TRAINING / CHECKPOINT
    if not 0 <= seed < 1 << 32:  # of larger ones torch sees the last 32 bits alone
        raise ConfigurationError(f"seed must be in [0, 2^32). Got {seed}.")
    if patience is not None and patience < 1:
        raise ConfigurationError(f"patience must be at least 1, or None. Got {patience}.")
    _check_place(folder, checkpoint)
    channels: Literal[1, 3] = 1 if options.get("channels") == 1 else 3
    images = _read(data, size, channels, column, label, on_error, reading)
    _check_labels(entry, images, patience)
    if "num_classes" in entry.settings() and "num_classes" not in chosen:
        chosen["num_classes"] = len(images.label_names)
    with memory_in_words(training.batch_size, size), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = image_encoder(encoder, **options)
        module = entry.make(network, **chosen)
    loader = batches(images, batch_size=training.batch_size, seed=seed)
    _check_queue(entry, chosen, training, len(images))
    key = {
        "version": version("kinfolk"),
        "images": _fingerprint(images),
        "method": method,
        "encoder": json.dumps([encoder, options], sort_keys=True),
        "settings": json.dumps(chosen, sort_keys=True),
        "recipe": json.dumps(asdict(training), sort_keys=True),
        "seed": str(seed),
    }
    begin = partial(Run, checkpoint.parent, key)
    if checkpoint.exists() or checkpoint.with_name(MANIFEST).exists():
        begin()  # refuses what is there for another key
    module.recipe, module.seed = training, seed
    module.steps = training.epochs * math.ceil(len(loader) / training.accumulate)
    watch = Watch(checkpoint, begin, Monitor(images, size=size, seed=seed), training.epochs, patience, progress)
    with without_traces(), memory_in_words(training.batch_size, size):
        trainer = lightning.Trainer(
            max_epochs=training.epochs,
            accelerator="auto",
            devices=1,
            precision="bf16-mixed" if training.precision == "bfloat16" else "32-true",
            accumulate_grad_batches=training.accumulate,
            gradient_clip_val=training.clip_norm,
            logger=_tensorboard(checkpoint.parent) if tensorboard else False,
            callbacks=[watch],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            deterministic=True,
        )
        trainer.fit(module, loader, ckpt_path=_readable(checkpoint) if checkpoint.exists() else None)
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
        "data": "given in memory" if isinstance(data, Images | pa.Table) else printable(str(data)),
        "skipped": list(images.skipped),
        "images": len(images),
        "epochs": len(watch.history),
        "measures": {"loss": watch.history[-1].loss, **watch.history[-1].measures},
    }
    model = Model(network.eval(), about)
    model.save(folder)
    return model


def _encoder_options(given: Mapping[str, int]) -> dict[str, int]:
    known = [name for name in inspect.signature(image_encoder).parameters if name != "name"]
    for name, value in given.items():
        if name not in known:
            raise ConfigurationError(f"An encoder has no setting {name!r}. It has: {listed(known)}.")
        if type(value) is not int:
            raise ConfigurationError(f"{name} of an encoder must be an integer. Got {value!r}.")
    return dict(given)


def _check_place(folder: Path, checkpoint: Path) -> None:
    """Refuse a folder that cannot be written to, or whose files the model would overwrite."""
    taken = [name for name in FILES if (folder / name).exists()]
    if taken and not checkpoint.exists():
        raise RunError(
            f"{folder} holds {listed(taken)} already, which the model would overwrite. Choose another folder for it, or "
            "move what is there."
        )
    check_place(checkpoint)


def _check_labels(entry: Entry, images: Images, patience: int | None) -> None:
    if len(images) < 2:
        raise DataError(f"Training needs two images at least. Got {len(images)}.")
    if entry.labels and images.labels is None:
        raise ConfigurationError(
            f"The method {entry.name} learns from labels, and the data have none. Say where they are (label), or take "
            "another method."
        )
    if patience is not None and images.labels is None:
        raise ConfigurationError("patience needs labels, by which the neighbor probe tells better from worse.")


def _check_queue(entry: Entry, chosen: Mapping[str, Setting], recipe: Recipe, num: int) -> None:
    """Refuse a queue that would hold random rows to the end, so that the method would never begin."""
    if "queue_size" not in entry.settings():
        return
    size = int(chosen.get("queue_size", entry.settings()["queue_size"][1]))
    seen = num // recipe.batch_size * recipe.batch_size * recipe.epochs
    if size > seen:
        raise ConfigurationError(
            f"queue_size must be at most the {seen:,} images that come by in {recipe.epochs} epochs, or the queue never "
            f"fills. Got {size:,}. Lower it, or raise epochs."
        )


def _read(
    data: object,
    size: int,
    channels: Literal[1, 3],
    column: str | None,
    label: str | None,
    on_error: OnError,
    reading: Callable[[float], None] | None,
) -> Images:
    if isinstance(data, Images):
        data.require_size(size)
        return data
    if not isinstance(data, str | Path | pa.Table):
        raise ConfigurationError(f"data must be a folder, a file, an Arrow table or Images. Got {type(data).__name__}.")

    def tell(done: int, total: int) -> None:
        if reading is not None:
            reading(done / total)

    return read_images(data, size=size, channels=channels, column=column, label=label, on_error=on_error, progress=tell)


def _fingerprint(images: Images) -> str:
    digest = hashlib.blake2b(np.ascontiguousarray(images.pixels).data, digest_size=16)
    digest.update(repr(images.pixels.shape).encode())
    if images.labels is not None:
        digest.update(np.ascontiguousarray(images.labels).data)
    return digest.hexdigest()


def _readable(checkpoint: Path) -> Path:
    """The checkpoint, if it can be read.

    Raises:
        RunError: it cannot.
    """
    try:
        found = torch.load(checkpoint, weights_only=False, map_location="cpu")
        whole = isinstance(found, dict) and {"state_dict", "callbacks", "loops"} <= found.keys()
        reason = "it is none of a training"
    except _BROKEN_PICKLE as error:
        whole, reason = False, reason_of(error)
    if not whole:
        raise RunError(f"{checkpoint} cannot be read ({reason}). Delete the folder {checkpoint.parent} to start anew.")
    return checkpoint


def _tensorboard(folder: Path) -> Any:
    from importlib.util import find_spec

    from kinfolk.errors import MissingExtraError

    if find_spec("tensorboard") is None:
        raise MissingExtraError("Logs for TensorBoard", "tensorboard")
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(folder, name="tensorboard", version="")
