"""What can be trained step by step: a loss on a batch, an optimizer, and randomness that follows from the place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import lightning.pytorch as lightning
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from kinfolk.methods.optimizers import make_optimizer, warmup_cosine
from kinfolk.methods.recipe import Recipe

SEEDS = 1 << 63  # torch takes seeds below
_PRIMES = (1_000_003, 7_919)  # so that seeds of neighboring epochs and batches do not meet


class Trainable(lightning.LightningModule, ABC):
    """A Lightning module whose every step can be done again.

    Everything random in a step follows from the seed, the epoch and the number of the batch, so that training which goes
    on from a checkpoint is training that was never stopped.

    Attributes:
        recipe, seed, steps: set before training: how to train, and how many steps there will be.
        slow, slow_share: set before training where parts learn at a rate of their own, see ``make_optimizer``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.recipe, self.seed, self.steps = Recipe(), 0, 1
        self.slow: Sequence[nn.Module] = ()
        self.slow_share = 1.0

    @abstractmethod
    def loss(self, batch: Any, generator: torch.Generator) -> Tensor:
        """Make views of the batch and return their loss, a scalar."""

    def before_step(self, done: float) -> None:
        """What a method does before each step of the optimizer, such as moving a key encoder.

        Args:
            done: share of the training that lies behind, in [0, 1).
        """

    def after_step(self) -> None:
        """What a method does after each step of the optimizer, such as holding a parameter within bounds."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
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
        optimizer = make_optimizer(self, self.recipe, slow=self.slow, slow_share=self.slow_share)
        warmup = round(self.steps * self.recipe.warmup_epochs / self.recipe.epochs)
        schedule = LambdaLR(optimizer, lambda step: warmup_cosine(step, warmup=warmup, total=self.steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
