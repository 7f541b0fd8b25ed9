"""The last state of a training, in one file that is whole at any time, so that a killed training goes on from there."""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Mapping
from pathlib import Path

import lightning.pytorch as lightning
import torch

from kinfolk.data import atomic_write
from kinfolk.data.run import MANIFEST, Run
from kinfolk.data.wording import reason_of
from kinfolk.errors import RunError

CHECKPOINT = "last.ckpt"

# What reading a damaged checkpoint raises, depending on the place of the damage
_BROKEN_PICKLE = (
    pickle.UnpicklingError, OSError, RuntimeError, EOFError, ValueError, LookupError, AttributeError, ImportError, TypeError,
)  # fmt: skip


class Checkpoints:
    """Writes the state of a training over the one before.

    Args:
        path: of the file.
        key: what a training must have in common with one it goes on from.
        minutes: of wall-clock time after which the state is written within an epoch, too; 0 or None for never.
    """

    def __init__(self, path: Path, key: Mapping[str, str], *, minutes: float | None) -> None:
        self._path, self._key = path, dict(key)
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
        """Write the state as it is now; a training that fails before leaves nothing behind."""
        Run(self._path.parent, self._key)
        with atomic_write(self._path) as aside:
            trainer.save_checkpoint(aside)
        self._written = time.monotonic()

    def find(self) -> Path | None:
        """The file from which a training goes on, or None where it begins.

        Raises:
            RunError: the file is of another training, or cannot be read.
        """
        if self._path.exists() or self._path.with_name(MANIFEST).exists():
            Run(self._path.parent, self._key)
        if not self._path.exists():
            return None
        try:
            found = torch.load(self._path, weights_only=False, map_location="cpu")
            whole = isinstance(found, dict) and {"state_dict", "callbacks", "loops"} <= found.keys()
            reason = "it is none of a training"
        except _BROKEN_PICKLE as error:
            whole, reason = False, reason_of(error)
        if not whole:
            raise RunError(
                f"{self._path} cannot be read ({reason}). Delete the folder {self._path.parent} to start anew."
            )
        return self._path
