"""Keeps the best state of a training by records it does not learn from, and never one worse than the start."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import lightning.pytorch as lightning
import numpy as np
import numpy.typing as npt
import torch

from kinfolk.methods.held import Held
from kinfolk.methods.trainable import Trainable


class Guard(lightning.Callback):
    """Measures before the first epoch and after each, and keeps the weights that did best.

    Of equal ones the last are kept, but those of the start until others are better. What it keeps is part of the checkpoints.

    Args:
        measured: what a module does on records that are not learned from; None where its vectors are not numbers.

    Attributes:
        best_epoch: of the weights that are kept; 0 for those of the start.
        start, best: their scores.
    """

    def __init__(self, measured: Callable[[Any], Held | None]) -> None:
        self._measured = measured
        self._last: Held | None = None
        self._weights: dict[str, torch.Tensor] = {}
        self.best_epoch, self.start, self.best = 0, float("inf"), float("inf")

    def state_dict(self) -> dict[str, Any]:
        """What goes into a checkpoint."""
        return {"epoch": self.best_epoch, "start": self.start, "best": self.best, "weights": self._weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what a checkpoint holds."""
        self.best_epoch, self.start = state_dict["epoch"], state_dict["start"]
        self.best, self._weights = state_dict["best"], state_dict["weights"]

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Measure the start, unless the training goes on."""
        if not self._weights:
            self._keep(module, trainer.current_epoch)
            self.start = self.best

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Measure the epoch, and keep it if it is the best."""
        self._keep(module, trainer.current_epoch + 1)

    def measure(self, _module: Trainable) -> Held | None:
        """What the epoch that has just ended measured; None where vectors are not numbers."""
        return self._last

    def restore(self, module: Trainable) -> None:
        """Give the module the weights that did best."""
        module.load_state_dict(self._weights)

    def _keep(self, module: lightning.LightningModule, epoch: int) -> None:
        self._last = self._measured(module)
        if self._last is not None and self._is_better(self._last.score):
            self.best, self.best_epoch = self._last.score, epoch
            self._weights = copy.deepcopy({name: value.cpu() for name, value in module.state_dict().items()})

    def _is_better(self, score: float) -> bool:
        return not self._weights or score < self.best or (score == self.best and self.best_epoch > 0)


def split_rows(
    num: int, *, share: float, seed: int, most: int | None = None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows to learn from and rows to measure on, both sorted; at least two of either, where there are four.

    Args:
        num: rows.
        share: of them to measure on.
        seed: of the choice.
        most: rows to measure on at most; None for no limit.
    """
    order = np.random.default_rng(seed).permutation(num)
    held = min(max(2, round(share * num)), max(0, num - 2), num if most is None else most)
    return np.sort(order[held:]), np.sort(order[:held])
