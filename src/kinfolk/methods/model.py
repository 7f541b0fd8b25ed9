"""A trained encoder in a folder: weights, what they are, and a card that says how they came about."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kinfolk.data import atomic_write
from kinfolk.data.images import Images
from kinfolk.data.wording import reason_of
from kinfolk.encoders.image import ImageEncoder
from kinfolk.encoders.image_by_name import image_encoder
from kinfolk.errors import DataError
from kinfolk.methods.card import model_card

FILES = _WEIGHTS, _ABOUT, _CARD = "model.safetensors", "config.json", "README.md"
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Model:
    """An encoder and what is known of it.

    Attributes:
        encoder: images to vectors.
        about: its name and settings, the size of the images, the method, its settings and recipe, the seed, measures.
    """

    encoder: ImageEncoder
    about: Mapping[str, Any]

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

    def save(self, folder: str | Path) -> Path:
        """Write the model; the description comes last, so that a folder that has one is whole.

        Raises:
            DataError: the folder cannot be written to.
        """
        from safetensors.torch import save

        folder = Path(folder)
        weights = {name: tensor.contiguous() for name, tensor in self.encoder.state_dict().items()}
        with atomic_write(folder / _WEIGHTS) as aside:
            aside.write_bytes(save(weights))  # its own writer says of a full disk what no one can read
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
    """Read a model that ``Model.save`` wrote.

    Raises:
        DataError: the folder holds no model, or a broken one.
    """
    from safetensors import SafetensorError
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
        encoder, size = image_encoder(about["encoder"], **about["encoder_settings"]), about["size"]
        if not isinstance(size, int) or size < 1:
            raise TypeError(f"size {size!r}")
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{folder / _ABOUT} does not describe a model ({type(error).__name__}: {reason_of(error)}). Train it again."
        ) from error
    try:
        encoder.load_state_dict(load_file(folder / _WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(f"{folder / _WEIGHTS} cannot be read ({reason_of(error)}). Train the model again.") from error
    return Model(encoder.eval(), about)
