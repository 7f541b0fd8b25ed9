"""Training an encoder from beginning to end, and going on where a killed training stopped."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import pyarrow as pa
import torch

from kinfolk.data import atomic_write
from kinfolk.data.images import Images, OnError, read_images
from kinfolk.data.run import Run
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.errors import ConfigurationError, RunError
from kinfolk.methods.batches import batches
from kinfolk.methods.history import EpochEnd, write_history
from kinfolk.methods.method import Method
from kinfolk.methods.model import HISTORY, REPORT, Model
from kinfolk.methods.monitor import Monitor
from kinfolk.methods.registry import find_method

_CHECKPOINT = "last.ckpt"


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
    report: bool = False,
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
        report: whether to write ``report.html`` into the folder, too; see ``Model.report``.
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
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = image_encoder(encoder, **options)
        module = entry.make(network, **chosen)
    loader = batches(images, batch_size=training.batch_size, seed=seed)
    module.recipe, module.seed = training, seed
    module.steps = training.epochs * math.ceil(len(loader) / training.accumulate)
    watch = _Watch(store.folder, Monitor(images, size=size, seed=seed), training.epochs, patience, progress)
    checkpoint = store.folder / _CHECKPOINT
    with _without_traces():
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
        "data": _name_of(data),
        "label": label,
        "skipped": list(images.skipped),
        "images": len(images),
        "epochs": len(watch.history),
        "measures": {"loss": watch.history[-1].loss, **watch.history[-1].measures},
    }
    model = Model(network.eval(), about, tuple(watch.history), module.facts())
    model.save(folder)
    if report:
        model.report(folder / REPORT, images)
    return model


class _Watch(lightning.Callback):
    """Measures, tells and keeps each epoch as it ends; stops where nothing gets better."""

    def __init__(
        self,
        folder: Path,
        monitor: Monitor,
        epochs: int,
        patience: int | None,
        progress: Callable[[EpochEnd], None] | None,
    ) -> None:
        self._folder, self._monitor, self._epochs = folder, monitor, epochs
        self._patience, self._progress = patience, progress
        self._began = self._epoch_began = time.perf_counter()
        self.history: list[EpochEnd] = []

    def state_dict(self) -> dict[str, Any]:
        return {"history": [asdict(end) for end in self.history]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history = [EpochEnd(**end) for end in state_dict["history"]]
        self._began -= self.history[-1].seconds if self.history else 0.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        del trainer, module
        self._epoch_began = time.perf_counter()

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        assert isinstance(module, Method)
        loss = float(trainer.callback_metrics["loss"])
        if not loss == loss or abs(loss) == float("inf"):
            raise RunError(
                f"The loss is no longer a number in epoch {trainer.current_epoch + 1}. Lower learning_rate, or set "
                "clip_norm; the training goes on from the last epoch that was well."
            )
        seconds = time.perf_counter() - self._epoch_began
        seen = module.recipe.batch_size * int(trainer.num_training_batches)
        geometry = self._monitor.measure(module)
        end = EpochEnd(
            trainer.current_epoch + 1,
            self._epochs,
            loss,
            time.perf_counter() - self._began,
            seen / seconds,
            geometry.as_dict(),
            geometry.warning(),
        )
        self.history.append(end)
        for logger in trainer.loggers:
            logger.log_metrics({"loss": loss, **end.measures}, step=end.epoch)
        trainer.should_stop = trainer.should_stop or self._has_stalled()
        with atomic_write(self._folder / _CHECKPOINT) as aside:
            trainer.save_checkpoint(aside)
        write_history(self.history, self._folder / HISTORY)
        if self._progress is not None:
            self._progress(end)

    def _has_stalled(self) -> bool:
        if self._patience is None:
            return False
        accuracy = [end.measures["knn"] for end in self.history]
        return len(accuracy) - 1 - accuracy.index(max(accuracy)) >= self._patience


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


def _name_of(data: object) -> str:
    return str(data) if isinstance(data, str | Path) else "arrays in memory"


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


def _readable(checkpoint: Path) -> Path:
    """The checkpoint, if it can be read.

    Raises:
        RunError: it cannot.
    """
    try:
        torch.load(checkpoint, weights_only=False, map_location="cpu")
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        raise RunError(
            f"{checkpoint} cannot be read ({str(error).splitlines()[0]}). Delete it to start anew."
        ) from error
    return checkpoint


def _tensorboard(folder: Path) -> Any:
    from importlib.util import find_spec

    from kinfolk.errors import MissingExtraError

    if find_spec("tensorboard") is None:
        raise MissingExtraError("Logs for TensorBoard", "tensorboard")
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(folder, name="tensorboard", version="")


@contextmanager
def _without_traces() -> Iterator[None]:
    """What Lightning changes in the process is as it was afterwards, and its hints stay off the screen.

    It ends the program at Ctrl-C and no longer listens to it; here that is an interruption like any other. Deterministic
    algorithms fill all new memory first, which shows who reads what was never written and costs a twelfth of the time.
    """
    log = logging.getLogger("lightning.pytorch")
    level, deterministic = log.level, torch.are_deterministic_algorithms_enabled()
    memory = torch.utils.deterministic
    filled = memory.fill_uninitialized_memory  # type: ignore[attr-defined]
    on_interrupt = signal.getsignal(signal.SIGINT)
    log.setLevel(logging.ERROR)
    memory.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            warnings.filterwarnings("ignore", module=r"lightning\.")
            yield
    except SystemExit as leaving:
        signal.signal(signal.SIGINT, on_interrupt)
        raise KeyboardInterrupt from leaving
    finally:
        log.setLevel(level)
        torch.use_deterministic_algorithms(deterministic)
        memory.fill_uninitialized_memory = filled  # type: ignore[attr-defined]
