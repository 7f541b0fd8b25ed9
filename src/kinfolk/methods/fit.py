"""Training an encoder of images or of texts from beginning to end, and going on where a killed training stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from kinfolk.data.images import Images, OnError, read_images
from kinfolk.data.texts import Texts, read_texts
from kinfolk.data.wording import listed, printable
from kinfolk.errors import ConfigurationError, MissingExtraError
from kinfolk.methods.checkpoints import CHECKPOINT
from kinfolk.methods.checks import check_labels, check_only_for_images, check_output, encoder_options, integers
from kinfolk.methods.history import EpochEnd
from kinfolk.methods.loop import Job, fit
from kinfolk.methods.memory import memory_in_words
from kinfolk.methods.model import REPORT, Model
from kinfolk.methods.processes import check_devices, fit_in_processes
from kinfolk.methods.registry import find_method
from kinfolk.methods.texts.fit import train_texts
from kinfolk.methods.texts.model import FILES as TEXT_FILES
from kinfolk.methods.texts.model import TextModel
from kinfolk.methods.texts.negatives import Mining, Source

_TRAINING = "training"  # the folder, in that of the model, where a training keeps what it needs to go on


def train(
    data: object,
    *,
    method: str,
    output: str | Path,
    encoder: str | None = None,
    encoder_settings: Mapping[str, int] | None = None,
    size: int = 32,
    settings: Mapping[str, object] | None = None,
    recipe: Mapping[str, object] | None = None,
    column: str | None = None,
    positive: str | None = None,
    negative: str | None = None,
    label: str | None = None,
    group: str | None = None,
    corpus: str | None = None,
    sampling_coefficient: float = 0.0,
    mine: Source | None = None,
    mining: Mapping[str, object] | None = None,
    seed: int = 0,
    on_error: OnError = "raise",
    patience: int | None = None,
    tensorboard: bool = False,
    checkpoint_minutes: float | None = 5.0,
    devices: int = 1,
    held_out: int | None = None,
    report: bool = False,
    progress: Callable[[EpochEnd], None] | None = None,
    reading: Callable[[float], None] | None = None,
) -> Model | TextModel:
    """Train an encoder on one's own images or texts, and keep it in a folder.

    The same call goes on where a killed one kept its state last, in the middle of an epoch or at its end, with the weights
    that an undisturbed training would have.

    Args:
        data: a folder of images, a Parquet file or an Arrow table with a column of them, an ``.npz`` file, or ``Images``. For a
            method that reads texts: a file of lines, a list of strings, or any table (see ``read_records``).
        method: one of ``kinfolk methods``, which says what it reads.
        output: the folder of the model; checkpoints lie beside it until the training is done.
        encoder: see ``image_encoder``; of texts, see ``text_tower_for``. None takes "resnet", or "subwords".
        encoder_settings: such as width and depth, see there.
        size: height and width in pixels at which images are read and seen; ``Images`` must have been read at it.
        settings: of the method, by name; the others keep their defaults.
        recipe: fields of ``Recipe`` that differ from those of the method.
        column: the column, or the array, with the images or texts; None takes the only one there is.
        positive, negative: of texts, the columns with what belongs to each, and with what seems to and does not.
        label: the column with the labels; "folder" takes the names of sub-folders. None trains without; labels also let
            the neighbor probe be shown. Of texts, a row may be without one where the method does not need it.
        group: of texts, the column with what those have in common that are no negatives of each other, such as a cluster; it may
            be empty.
        corpus: of texts, the column with the language or domain of each: all texts of a batch are of one.
        sampling_coefficient: how much the size of a corpus counts, in [0, inf): 0 draws all alike, 1 by their sizes.
        mine: of pairs of texts, where a hard negative of each is looked for: "bm25", other positives with its words; "model",
            near it to the encoder at the start, which must be a trained one; "siblings", of its label; "random", any.
        mining: fields of ``kinfolk.methods.texts.negatives.Mining`` that differ from its defaults.
        seed: of everything random, in [0, 2^32).
        on_error: "raise" refuses images that cannot be read, "skip" leaves them out and says so.
        patience: epochs without a better neighbor probe, at least 1, after which the training stops; needs labels. None
            trains to the end.
        tensorboard: whether to write logs for TensorBoard, too (extra ``tensorboard``).
        checkpoint_minutes: of wall-clock time after which the state is kept within an epoch, too, at the next step of the
            optimizer; 0 or None keeps it at the ends of epochs only. The weights are the same whatever it is.
        devices: how many processes share the work, one for each GPU where there are some. A batch is divided among them
            and normalized as a whole, so that they train what one trains, up to rounding. In a script the call must then
            stand below ``if __name__ == "__main__":``, for each process reads the script.
        held_out: texts that are not learned from, at most half, for the report to show what becomes of new ones; None holds
            out one in a hundred, 100 at most.
        report: whether to write ``report.html`` into the folder, too; see ``Model.report``.
        progress: told of each epoch as it ends.
        reading: told the share of the images that is read.

    Raises:
        ConfigurationError: an option is not possible, or memory does not hold what it asks for.
        DataError: images cannot be read, or the folder cannot be written to.
        RunError: the folder belongs to another training or to something else, the loss is no longer a number, or a process
            was killed.
    """
    entry = find_method(method)
    training = entry.recipe.changed(recipe or {})
    folder = Path(output)
    checkpoint = folder / _TRAINING / CHECKPOINT
    if not 0 <= seed < 1 << 32:  # of larger ones torch sees the last 32 bits alone
        raise ConfigurationError(f"seed must be in [0, 2^32). Got {seed}.")
    if entry.reads == "texts":
        check_only_for_images(size=size != 32, patience=patience, tensorboard=tensorboard, devices=devices != 1)
        given = entry.read_settings(settings or {})
        if mining and mine is None:
            raise ConfigurationError("mining says how negatives are looked for. Say where, too (mine).")
        how = Mining.of(mining or {})
        check_output(folder, checkpoint, files=TEXT_FILES)
        texts = (
            data
            if isinstance(data, Texts)
            else read_texts(
                data,
                column=column,
                positive=positive,
                negative=negative,
                label=label,
                blank_labels=not entry.labels,
                group=group,
                corpus=corpus,
            )
        )
        return train_texts(
            texts,
            entry=entry,
            settings=given,
            recipe=training,
            encoder=encoder or "subwords",
            encoder_settings=integers(encoder_settings or {}),
            folder=folder,
            checkpoint=checkpoint,
            seed=seed,
            checkpoint_minutes=checkpoint_minutes,
            held_out=held_out,
            report=report,
            progress=progress,
            facts={
                "data": _name_of(data),
                "column": column,
                "positive": positive,
                "negative": negative,
                "label": label,
                "group": group,
                "corpus": corpus,
                "sampling_coefficient": sampling_coefficient,
            },
            sampling_coefficient=sampling_coefficient,
            mine=mine,
            mining=how,
        )
    of_texts = {
        "positive": positive,
        "negative": negative,
        "group": group,
        "corpus": corpus,
        "mine": mine,
        "mining": mining,
        "held_out": held_out is not None,
    }
    asked = [name for name, value in of_texts.items() if value]
    if asked:
        raise ConfigurationError(f"{listed(asked)}: for methods that read texts only. {method} reads images.")
    encoder = encoder or "resnet"
    chosen = entry.read_settings({"size": size, **(settings or {})})
    size, options = int(chosen["size"]), encoder_options(encoder_settings or {})
    if patience is not None and patience < 1:
        raise ConfigurationError(f"patience must be at least 1, or None. Got {patience}.")
    if checkpoint_minutes is not None and not checkpoint_minutes >= 0:
        raise ConfigurationError(f"checkpoint_minutes must be at least 0, or None. Got {checkpoint_minutes}.")
    if tensorboard and find_spec("tensorboard") is None:
        raise MissingExtraError("Logs for TensorBoard", "tensorboard")
    check_devices(devices, training.batch_size)
    check_output(folder, checkpoint)
    channels: Literal[1, 3] = 1 if options.get("channels") == 1 else 3
    images = _read(data, size, channels, column, label, on_error, reading)
    check_labels(entry, images, patience)
    if "num_classes" in entry.settings() and "num_classes" not in chosen:
        chosen["num_classes"] = len(images.label_names)
    job = Job(
        entry=entry,
        settings=chosen,
        recipe=training,
        encoder=encoder,
        encoder_settings=options,
        size=size,
        seed=seed,
        checkpoint=checkpoint,
        key={
            "version": version("kinfolk"),
            "images": _fingerprint(images),
            "method": method,
            "encoder": json.dumps([encoder, options], sort_keys=True),
            "settings": json.dumps(chosen, sort_keys=True),
            "recipe": json.dumps(asdict(training), sort_keys=True),
            "seed": str(seed),
            "devices": str(devices),
        },
        patience=patience,
        tensorboard=tensorboard,
        checkpoint_minutes=checkpoint_minutes,
    )
    run = fit if devices == 1 else partial(fit_in_processes, devices=devices)
    with memory_in_words(training.batch_size, size):
        trained = run(job, images, progress=progress)
    last = trained.history[-1]
    about = {
        "version": version("kinfolk"),
        "method": method,
        "paper": entry.paper,
        "encoder": encoder,
        "encoder_settings": options,
        "dim": trained.encoder.dim,
        "size": size,
        "settings": chosen,
        "recipe": asdict(training),
        "seed": seed,
        "data": _name_of(data),
        "column": column,
        "label": label,
        "skipped": list(images.skipped),
        "images": len(images),
        "epochs": last.epoch,
        "measures": {"loss": last.loss, **last.measures},
    }
    model = Model(trained.encoder.eval(), about, trained.history, trained.facts)
    model.save(folder)
    if report:
        model.report(folder / REPORT, images)
    return model


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


def _name_of(data: object) -> str:
    return printable(str(data)) if isinstance(data, str | Path) else "arrays in memory"


def _fingerprint(images: Images) -> str:
    digest = hashlib.blake2b(np.ascontiguousarray(images.pixels).data, digest_size=16)
    digest.update(repr(images.pixels.shape).encode())
    if images.labels is not None:
        digest.update(np.ascontiguousarray(images.labels).data)
    return digest.hexdigest()
