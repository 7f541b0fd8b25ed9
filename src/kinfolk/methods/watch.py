"""What happens as an epoch ends: it is measured, kept on disk and told, and the training stops where nothing gets better."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as lightning

from kinfolk.data import atomic_write
from kinfolk.errors import RunError
from kinfolk.methods.method import Method
from kinfolk.methods.monitor import Monitor

CHECKPOINT, HISTORY = "last.ckpt", "history.jsonl"


@dataclass(frozen=True)
class EpochEnd:
    """What is known after an epoch.

    Attributes:
        epoch: from 1 on.
        epochs: how many there will be.
        loss: mean over the epoch.
        seconds: since the training began, or went on.
        images_per_second: over this epoch, validation left out.
        measures: geometry and, with labels, neighbors; see ``Geometry``.
        warning: what is wrong with the space, or None.
    """

    epoch: int
    epochs: int
    loss: float
    seconds: float
    images_per_second: float
    measures: Mapping[str, float]
    warning: str | None

    @property
    def seconds_left(self) -> float:
        """How long the rest takes at this pace."""
        return self.seconds / max(1, self.epoch) * (self.epochs - self.epoch)


class Watch(lightning.Callback):
    """Measures, keeps and tells each epoch as it ends; stops where nothing gets better.

    Args:
        checkpoint: the file of the last epoch; the history lies beside it.
        begin: called before anything is kept: a training that fails at once leaves nothing behind.
        monitor: what measures.
        epochs: how many there will be.
        patience: epochs without a better neighbor probe after which the training stops; None never stops it.
        progress: told of each epoch.
    """

    def __init__(
        self,
        checkpoint: Path,
        begin: Callable[[], object],
        monitor: Monitor,
        epochs: int,
        patience: int | None,
        progress: Callable[[EpochEnd], None] | None,
    ) -> None:
        self._checkpoint, self._begin, self._monitor, self._epochs = checkpoint, begin, monitor, epochs
        self._patience, self._progress = patience, progress
        self._began = self._epoch_began = time.perf_counter()
        self.history: list[EpochEnd] = []

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"history": [asdict(end) for end in self.history]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what a checkpoint kept."""
        self.history = [EpochEnd(**end) for end in state_dict["history"]]
        self._began -= self.history[-1].seconds if self.history else 0.0

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Go on no further with a training that had stopped."""
        del module
        trainer.should_stop = trainer.should_stop or self._has_stalled()

    def on_train_epoch_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Remember when the epoch began."""
        del trainer, module
        self._epoch_began = time.perf_counter()

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Measure the epoch, keep it, tell it.

        Raises:
            RunError: the loss or the embeddings are not finite.
        """
        assert isinstance(module, Method)
        loss = float(trainer.callback_metrics["loss"])
        seconds = time.perf_counter() - self._epoch_began
        seen = module.recipe.batch_size * int(trainer.num_training_batches)
        geometry = self._monitor.measure(module) if math.isfinite(loss) else None
        if geometry is None:
            raise RunError(
                f"The loss or the embeddings are no longer numbers in epoch {trainer.current_epoch + 1}. Lower "
                "learning_rate or set clip_norm, and train into another folder."
            )
        end = EpochEnd(
            trainer.current_epoch + 1,
            self._epochs,
            loss,
            time.perf_counter() - self._began,
            seen / seconds,
            geometry.as_dict(),
            geometry.warning(),
        )
        self.history.append(end)
        for logger in trainer.loggers:
            logger.log_metrics({"loss": loss, **end.measures}, step=end.epoch)
        trainer.should_stop = trainer.should_stop or self._has_stalled()
        self._begin()
        with atomic_write(self._checkpoint) as aside:
            trainer.save_checkpoint(aside)
        with atomic_write(self._checkpoint.with_name(HISTORY)) as aside:
            aside.write_text("".join(json.dumps(asdict(e)) + "\n" for e in self.history), "utf-8")
        if self._progress is not None:
            self._progress(end)

    def _has_stalled(self) -> bool:
        if self._patience is None or not self.history:
            return False
        accuracy = [end.measures["knn"] for end in self.history]
        return len(accuracy) - 1 - accuracy.index(max(accuracy)) >= self._patience
