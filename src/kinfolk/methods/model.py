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
import torch

from kinfolk.data import atomic_write
from kinfolk.data.images import Images, OnError, read_images
from kinfolk.encoders.image import ImageEncoder
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.errors import DataError
from kinfolk.methods.batches import in_order
from kinfolk.methods.card import model_card
from kinfolk.methods.history import EpochEnd, read_history, write_history
from kinfolk.views import to_float

_WEIGHTS, _ABOUT, _CARD, _FACTS = "model.safetensors", "config.json", "README.md", "facts.safetensors"
HISTORY, REPORT = "history.jsonl", "report.html"
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

    @torch.no_grad()
    def encode(
        self, images: Images, *, batch_size: int = 256, advance: Callable[[float], None] | None = None
    ) -> npt.NDArray[np.float32]:
        """Vectors of images, float32 (num, dim), not normalized.

        Args:
            images: of the size of the model.
            batch_size: images at a time.
            advance: told the share that is done.
        """
        training = self.encoder.training
        self.encoder.eval()
        parts, done = [], 0
        for part in in_order(images, batch_size):
            parts.append(self.encoder(to_float(part)).float().numpy(force=True))
            done += len(part)
            if advance is not None:
                advance(done / len(images))
        self.encoder.train(training)
        return np.concatenate(parts) if parts else np.zeros((0, self.encoder.dim), np.float32)

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
            else read_images(data, size=self.size, label=self.about.get("label"), on_error=on_error)
        )
        # The report stands to the right of methods; only this convenience reaches over.
        write_training_report = import_module("kinfolk.report").write_training_report
        return Path(write_training_report(self, images, path))

    def save(self, folder: str | Path) -> Path:
        """Write the model; the description comes last, so that a folder that has one is whole."""
        from safetensors.numpy import save_file as save_arrays
        from safetensors.torch import save_file

        folder = Path(folder)
        weights = {name: tensor.contiguous() for name, tensor in self.encoder.state_dict().items()}
        with atomic_write(folder / _WEIGHTS) as aside:
            save_file(weights, aside)
        with atomic_write(folder / _FACTS) as aside:
            save_arrays({name: np.ascontiguousarray(values) for name, values in self.facts.items()}, aside)
        write_history(self.history, folder / HISTORY)
        with atomic_write(folder / _CARD) as aside:
            aside.write_text(model_card(self.about), "utf-8")
        with atomic_write(folder / _ABOUT) as aside:
            aside.write_text(json.dumps({"kinfolk_model": _FORMAT, **self.about}, indent=1), "utf-8")
        return folder


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
        raise DataError(f"{folder / _ABOUT} does not describe a model of this version of kinfolk.")
    encoder = image_encoder(about["encoder"], **about["encoder_settings"])
    reading = folder / _WEIGHTS
    try:
        encoder.load_state_dict(load_file(reading))
        reading = folder / _FACTS
        facts = load_arrays(reading) if reading.exists() else {}
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(f"{reading} cannot be read ({str(error).splitlines()[0]}). Train the model again.") from error
    return Model(encoder.eval(), about, read_history(folder / HISTORY), facts)
