"""A trained encoder in a folder: weights, what they are, and a card that says how they came about."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.data import atomic_write
from kinfolk.data.images import Images, OnError, read_images
from kinfolk.data.wording import reason_of
from kinfolk.encoders.image import ImageEncoder
from kinfolk.encoders.kept import KEPT, keep_tower, kept_image_encoder
from kinfolk.encoders.weights import save_weights
from kinfolk.errors import DataError
from kinfolk.methods.card import model_card
from kinfolk.methods.history import HISTORY, EpochEnd, read_history, write_history

_WEIGHTS, _ABOUT, _CARD = "model.safetensors", "config.json", "README.md"
FACTS = "facts.safetensors"
"""The file that only a model of images has, whatever became of the others."""

REPORT = "report.html"
FILES = (_WEIGHTS, _ABOUT, _CARD, FACTS, HISTORY, KEPT, REPORT)
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Model:
    """An encoder and what is known of it.

    Attributes:
        encoder: images to vectors.
        about: its name and settings, the size of the images, the method, its settings and recipe, the seed, measures.
        history: what was known after each epoch.
        facts: what the method has learned beside the encoder, arrays by name; see ``Method.facts``.
    """

    encoder: ImageEncoder
    about: Mapping[str, Any]
    history: tuple[EpochEnd, ...] = ()
    facts: Mapping[str, npt.NDArray[np.floating]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Height and width in pixels at which it sees images."""
        return int(self.about["size"])

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return self.encoder.dim

    def encode(
        self, images: Images, *, batch_size: int = 256, advance: Callable[[float], None] | None = None
    ) -> npt.NDArray[np.float32]:
        """Vectors of images, float32 (num, dim), not normalized.

        Args:
            images: of the size of the model.
            batch_size: images at a time.
            advance: told the share that is done.

        Raises:
            ConfigurationError: images of another size.
        """
        images.require_size(self.size)
        return self.encoder.encode(images, batch_size=batch_size, advance=advance)

    def report(self, path: str | Path, data: str | Path | pa.Table | Images, *, on_error: OnError = "raise") -> Path:
        """Write the report, one HTML file that needs no network: measures over the epochs, a map of the images, neighbors.

        Args:
            path: the HTML file.
            data: images to show, as a rule those of the training; their labels are read as they were for it.
            on_error: "raise" refuses images that cannot be read, "skip" leaves them out.

        Raises:
            DataError: images cannot be read, or the file cannot be written.
        """
        images = (
            data
            if isinstance(data, Images)
            else read_images(
                data,
                size=self.size,
                column=self.about.get("column"),
                label=self.about.get("label"),
                on_error=on_error,
            )
        )
        # The report stands to the right of methods; only this convenience reaches over.
        write_training_report = import_module("kinfolk.report").write_training_report
        return Path(write_training_report(self, images, path))

    def save(self, folder: str | Path) -> Path:
        """Write the model; the description comes last, so that a folder that has one is whole, on any machine.

        Raises:
            DataError: the folder cannot be written to.
        """
        from safetensors.numpy import save as as_bytes

        folder = Path(folder)
        save_weights(self.encoder, folder / _WEIGHTS)
        with atomic_write(folder / FACTS) as aside:
            aside.write_bytes(as_bytes({name: np.ascontiguousarray(values) for name, values in self.facts.items()}))
        keep_tower(self.encoder, folder / KEPT)
        write_history(self.history, folder / HISTORY)
        with atomic_write(folder / _CARD) as aside:
            aside.write_text(model_card(self.about), "utf-8")
        with atomic_write(folder / _ABOUT) as aside:
            aside.write_text(json.dumps({"kinfolk_model": _FORMAT, **self.about}, indent=1), "utf-8")
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Model:
        """Read a model that ``save`` wrote.

        Raises:
            DataError: the folder holds no model, or a broken one.
        """
        return load_model(folder)


def load_model(folder: str | Path) -> Model:
    """Read a model that ``Model.save`` wrote; without its history and its facts it is a model all the same.

    Raises:
        DataError: the folder holds no model, or a broken one.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file as load_arrays
    from safetensors.torch import load_file

    folder = Path(folder)
    try:
        about = json.loads((folder / _ABOUT).read_text("utf-8"))
    except FileNotFoundError:
        raise DataError(
            f"{folder} holds no model: there is no {_ABOUT}. Give the folder that `kinfolk train` wrote."
        ) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / _ABOUT} cannot be read ({error}). Train the model again.") from error
    if not isinstance(about, dict) or about.pop("kinfolk_model", None) != _FORMAT:
        raise DataError(
            f"{folder / _ABOUT} does not describe a model of this version of kinfolk. Give a folder that `kinfolk train` wrote."
        )
    try:
        encoder, size = kept_image_encoder(about["encoder"], about["encoder_settings"], folder / KEPT), about["size"]
        if not isinstance(size, int) or size < 1:
            raise TypeError(f"size {size!r}")
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{folder / _ABOUT} does not describe a model ({type(error).__name__}: {reason_of(error)}). Train it again."
        ) from error
    reading = folder / _WEIGHTS
    try:
        encoder.load_state_dict(load_file(reading))
        reading = folder / FACTS
        facts = load_arrays(reading) if reading.exists() else {}
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(f"{reading} cannot be read ({reason_of(error)}). Train the model again.") from error
    return Model(encoder.eval(), about, read_history(folder / HISTORY), facts)
