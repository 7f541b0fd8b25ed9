"""What is refused before a training begins, so that it costs nothing."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path

from kinfolk.data.atomic import check_place
from kinfolk.data.images import Images
from kinfolk.data.wording import listed
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.errors import ConfigurationError, DataError, RunError
from kinfolk.methods.model import FILES
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.registry import Entry
from kinfolk.methods.settings import Setting


def encoder_options(given: Mapping[str, int]) -> dict[str, int]:
    """The settings of an encoder, if it has them.

    Raises:
        ConfigurationError: one it does not have, or one that is no integer.
    """
    known = [name for name in inspect.signature(image_encoder).parameters if name != "name"]
    for name in given:
        if name not in known:
            raise ConfigurationError(f"An encoder has no setting {name!r}. It has: {listed(known)}.")
    return integers(given)


def integers(given: Mapping[str, int]) -> dict[str, int]:
    """The settings of an encoder, if they are integers.

    Raises:
        ConfigurationError: one is not.
    """
    for name, value in given.items():
        if type(value) is not int:
            raise ConfigurationError(f"{name} of an encoder must be an integer. Got {value!r}.")
    return dict(given)


def check_only_for_images(**given: object) -> None:
    """Refuse options of ``train`` that mean nothing where texts are learned from.

    Args:
        given: each option by name, and what tells that it is asked for.

    Raises:
        ConfigurationError: one is asked for.
    """
    asked = [name for name, value in given.items() if value]
    if asked:
        raise ConfigurationError(f"{listed(asked)}: for methods that read images only. Leave out what is named.")


def check_output(folder: Path, checkpoint: Path | None = None, *, files: Sequence[str] = FILES) -> None:
    """Refuse a folder that cannot be written to, or whose files the model would overwrite.

    Args:
        folder: of the model.
        checkpoint: of the training; None where there is nothing to go on from.
        files: that the model writes.

    Raises:
        RunError: it holds such files and no checkpoint.
        DataError: it cannot be written to.
    """
    taken = [name for name in files if (folder / name).exists()]
    if taken and (checkpoint is None or not checkpoint.exists()):
        raise RunError(
            f"{folder} holds {listed(taken)} already, which the model would overwrite. Choose another folder for it, or "
            "move what is there."
        )
    check_place(checkpoint or folder / files[0])


def check_labels(entry: Entry, images: Images, patience: int | None) -> None:
    """Refuse images that are too few, or without the labels that are needed.

    Raises:
        DataError: there is one image at most.
        ConfigurationError: there are no labels, and the method or ``patience`` needs them.
    """
    if len(images) < 2:
        raise DataError(f"Training needs two images at least. Got {len(images)}.")
    if entry.labels and images.labels is None:
        raise ConfigurationError(
            f"The method {entry.name} learns from labels, and the data have none. Say where they are (label), or take "
            "another method."
        )
    if patience is not None and images.labels is None:
        raise ConfigurationError("patience needs labels, by which the neighbor probe tells better from worse.")


def check_queue(entry: Entry, settings: Mapping[str, Setting], recipe: Recipe, num: int) -> None:
    """Refuse a queue that would hold random rows to the end, so that the method would never begin.

    Raises:
        ConfigurationError: the queue is longer than all that comes by.
    """
    if "queue_size" not in entry.settings():
        return
    size = int(settings.get("queue_size", entry.settings()["queue_size"][1]))
    seen = num // recipe.batch_size * recipe.batch_size * recipe.epochs
    if size > seen:
        raise ConfigurationError(
            f"queue_size must be at most the {seen:,} images that come by in {recipe.epochs} epochs, or the queue never "
            f"fills. Got {size:,}. Lower it, or raise epochs."
        )
