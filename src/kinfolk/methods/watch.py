"""What is known of a training after each epoch: added up, measured, kept and told."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import lightning.pytorch as lightning
from torch import Tensor

from kinfolk.errors import RunError
from kinfolk.methods.checkpoints import Checkpoints
from kinfolk.methods.history import EpochEnd, write_history
from kinfolk.methods.trainable import Trainable


class Measured(Protocol):
    """What is known of an epoch."""

    def as_dict(self) -> Mapping[str, float]:
        """The measures that there are, by name."""
        ...

    def warning(self) -> str | None:
        """What is wrong, in one sentence, or None."""
        ...


class Measures(Protocol):
    """What measures a training after each epoch."""

    def measure(self, module: Any, /) -> Measured | None:
        """The state as it is now, or None where embeddings are not finite; the module is left as it was."""
        ...


class Watch(lightning.Callback):
    """Measures, keeps and tells each epoch as it ends; stops where nothing gets better.

    What it adds up is part of the checkpoints: the mean loss of an epoch that was interrupted is that of all its batches.

    Args:
        history_file: gets a line for each epoch.
        monitor: measures an epoch.
        checkpoints: keeps the state.
        patience: epochs without a better neighbor probe after which the training stops; None for never.
        progress: told of each epoch, after it is kept.

    Attributes:
        history: the epochs that have ended.
    """

    def __init__(
        self,
        history_file: Path,
        monitor: Measures,
        checkpoints: Checkpoints,
        *,
        patience: int | None,
        progress: Callable[[EpochEnd], None] | None,
    ) -> None:
        self._history_file = history_file
        self._monitor, self._checkpoints = monitor, checkpoints
        self._patience, self._progress = patience, progress
        self._began = self._epoch_began = time.perf_counter()
        self._loss_sum: Tensor | float = 0.0
        self._batches = 0  # since ``_epoch_began``, of which the pace is made
        self.history: list[EpochEnd] = []

    def state_dict(self) -> dict[str, Any]:
        """What goes into a checkpoint."""
        return {
            "history": [asdict(end) for end in self.history],
            "loss_sum": float(self._loss_sum),
            "seconds": time.perf_counter() - self._began,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what a checkpoint holds."""
        self.history = [EpochEnd(**end) for end in state_dict["history"]]
        self._loss_sum = state_dict["loss_sum"]
        self._began -= state_dict["seconds"]

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Stop at once where the epochs that were kept say so."""
        del module
        trainer.should_stop = self._has_stalled()

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Begin a sum; Lightning leaves this out where it goes on within an epoch."""
        del trainer, module
        self._epoch_began, self._batches, self._loss_sum = time.perf_counter(), 0, 0.0

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Add the loss up, and keep the state where it is time."""
        del module, batch
        # Lightning has divided the loss by the batches whose gradients are added up.
        self._loss_sum = self._loss_sum + outputs["loss"] * trainer.accumulate_grad_batches
        self._batches += 1
        if self._checkpoints.is_due(trainer, batch_idx):
            self._refuse_broken(trainer)
            self._checkpoints.write(trainer)

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Measure the epoch, keep it, and tell it."""
        assert isinstance(module, Trainable)
        self._refuse_broken(trainer)
        loss = float(self._loss_sum) / int(trainer.num_training_batches)
        pace = module.recipe.batch_size * self._batches / (time.perf_counter() - self._epoch_began)
        geometry = self._monitor.measure(module)
        if geometry is None:
            raise self._broken(trainer)
        end = EpochEnd(
            trainer.current_epoch + 1,
            module.recipe.epochs,
            loss,
            time.perf_counter() - self._began,
            pace,
            geometry.as_dict(),
            geometry.warning(),
        )
        self.history.append(end)
        for logger in trainer.loggers:
            logger.log_metrics({"loss": loss, **end.measures}, step=end.epoch)
        trainer.should_stop = trainer.should_stop or self._has_stalled()
        # The history first: what is killed between the two does this epoch again and writes the same line.
        write_history(self.history, self._history_file)
        self._checkpoints.write(trainer)
        if self._progress is not None:
            self._progress(end)

    def _refuse_broken(self, trainer: lightning.Trainer) -> None:
        if not math.isfinite(self._loss_sum):
            raise self._broken(trainer)

    @staticmethod
    def _broken(trainer: lightning.Trainer) -> RunError:
        return RunError(
            f"The loss or the embeddings are no longer numbers in epoch {trainer.current_epoch + 1}. Lower learning_rate "
            "or set clip_norm, and train into another folder."
        )

    def _has_stalled(self) -> bool:
        if self._patience is None or not self.history:
            return False
        accuracy = [end.measures["knn"] for end in self.history]
        return len(accuracy) - 1 - accuracy.index(max(accuracy)) >= self._patience


class Steps(lightning.Callback):
    """Tells after each batch the share of the steps that are done.

    Args:
        advance: what is told.
    """

    def __init__(self, advance: Callable[[float], None]) -> None:
        self._advance = advance

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        module: lightning.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Tell."""
        del outputs, batch, batch_idx
        assert isinstance(module, Trainable)
        self._advance(min(1.0, trainer.global_step / module.steps))
