"""What a method is: views of a batch, a loss on them, and what happens around a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from kinfolk.encoders.image import ImageEncoder
from kinfolk.errors import ConfigurationError
from kinfolk.methods.optimizers import make_optimizer, warmup_cosine
from kinfolk.methods.recipe import Recipe

SEEDS = 1 << 63  # torch takes seeds below
_PRIMES = (1_000_003, 7_919)  # so that seeds of neighboring epochs and batches do not meet


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


class Method(lightning.LightningModule, ABC):
    """One way to train an encoder.

    Everything random in a step follows from the seed, the epoch and the number of the batch, so that training which goes
    on from a checkpoint is training that was never stopped.

    Args:
        encoder: what is trained.

    Attributes:
        recipe, seed, steps: set by ``train``: how to train, and how many steps there will be.
    """

    encoder: ImageEncoder

    def __init__(self, encoder: ImageEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.recipe, self.seed, self.steps = Recipe(), 0, 1

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

    def before_step(self, done: float) -> None:
        """What a method does before each step of the optimizer, such as moving a key encoder.

        Args:
            done: share of the training that lies behind, in [0, 1).
        """

    def after_step(self) -> None:
        """What a method does after each step of the optimizer, such as holding a parameter within bounds."""

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """The batch where the parameters are, as Lightning asks for it."""
        del dataloader_idx
        labels = None if batch.labels is None else batch.labels.to(device)
        return Batch(batch.images.to(device), batch.rows.to(device), labels)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """One batch, as Lightning calls it."""
        if batch_idx % self.recipe.accumulate == 0:
            self.before_step(self.global_step / self.steps)
        seed = ((self.seed * _PRIMES[0] + self.current_epoch) * _PRIMES[1] + batch_idx) % SEEDS
        torch.manual_seed(seed)  # of dropout and whatever else draws from the common numbers
        return self.loss(batch, torch.Generator().manual_seed(seed))

    def optimizer_step(
        self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Callable[[], Any] | None = None
    ) -> None:
        """One step, and what the method does after it."""
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        self.after_step()

    def configure_optimizers(self) -> Any:
        """The optimizer of the recipe, with its rate rising and falling from step to step."""
        optimizer = make_optimizer(self, self.recipe)
        warmup = round(self.steps * self.recipe.warmup_epochs / self.recipe.epochs)
        schedule = LambdaLR(optimizer, lambda step: warmup_cosine(step, warmup=warmup, total=self.steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


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
