"""What a method is: views of a batch, a loss on them, and what happens around a step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kinfolk.encoders.image import ImageEncoder
from kinfolk.errors import ConfigurationError
from kinfolk.methods.trainable import Trainable


@dataclass(frozen=True)
class Batch:
    """Items of one step.

    Attributes:
        images: uint8 (items, channels, height, width).
        rows: of the data set, int64 (items,).
        labels: int64 (items,), or None where the data have none.
    """

    images: Tensor
    rows: Tensor
    labels: Tensor | None


class Method(Trainable):
    """One way to train an encoder of images.

    Args:
        encoder: what is trained.
    """

    encoder: ImageEncoder

    def __init__(self, encoder: ImageEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    @abstractmethod
    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Make views of the batch and return their loss, a scalar."""

    def embed(self, images: Tensor) -> Tensor:
        """Embeddings as the objective sees them, (items, dim); those of the encoder, unless there is a projector.

        Args:
            images: uint8, or floats in [0, 1].
        """
        embedded: Tensor = self.encoder(images)
        return embedded

    def facts(self) -> Mapping[str, npt.NDArray[np.floating]]:
        """What it has learned beside the encoder and is worth keeping with the model, as arrays by name."""
        return {}

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """The batch where the parameters are, as Lightning asks for it."""
        del dataloader_idx
        labels = None if batch.labels is None else batch.labels.to(device)
        return Batch(batch.images.to(device), batch.rows.to(device), labels)


def needs_of(needs: tuple[str, ...], batch: Batch) -> Mapping[str, Tensor]:
    """What an objective needs beside embeddings, taken from a batch.

    Raises:
        ConfigurationError: it needs labels and the data have none.
    """
    offered = {"labels": batch.labels}
    found = {name: offered[name] for name in needs}
    if any(value is None for value in found.values()):
        raise ConfigurationError(
            "This method learns from labels, and the data have none. Give labels or another method."
        )
    return {name: value for name, value in found.items() if value is not None}
