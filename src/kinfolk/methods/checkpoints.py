"""The last state of a training, in one file that is whole at any time, so that a killed training goes on from there."""

from __future__ import annotations

import math
import time
from pathlib import Path

import lightning.pytorch as lightning
import torch

from kinfolk.data import atomic_write
from kinfolk.errors import RunError


class Checkpoints:
    """Writes the state of a training over the one before.

    Args:
        folder: where the file lies.
        minutes: of wall-clock time after which the state is written within an epoch, too; 0 or None for never.
    """

    def __init__(self, folder: Path, *, minutes: float | None) -> None:
        self._path = folder / "last.ckpt"
        self._seconds = 60 * minutes if minutes else math.inf
        self._written = time.monotonic()

    def is_due(self, trainer: lightning.Trainer, batch_idx: int) -> bool:
        """Whether the state after this batch should be written.

        It waits for the step that ends a window of batches whose gradients are added up, for gradients are no part of the
        state; and the last batch of an epoch leaves it to the end of the epoch, which follows at once.
        """
        done = batch_idx + 1
        return (
            time.monotonic() - self._written >= self._seconds
            and done % trainer.accumulate_grad_batches == 0
            and done < trainer.num_training_batches
        )

    def write(self, trainer: lightning.Trainer) -> None:
        """Write the state as it is now."""
        with atomic_write(self._path) as aside:
            trainer.save_checkpoint(aside)
        self._written = time.monotonic()

    def find(self) -> Path | None:
        """The file from which a training goes on, or None where it begins.

        Raises:
            RunError: the file cannot be read.
        """
        if not self._path.exists():
            return None
        try:
            torch.load(self._path, weights_only=False, map_location="cpu")
        except (OSError, RuntimeError, EOFError, ValueError) as error:
            raise RunError(
                f"{self._path} cannot be read ({str(error).splitlines()[0]}). Delete it to start anew."
            ) from error
        return self._path
