"""What is known after each epoch of a training, and the file that holds it: a line of JSON an epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from kinfolk.data import atomic_write
from kinfolk.errors import DataError

HISTORY = "history.jsonl"


@dataclass(frozen=True)
class EpochEnd:
    """What is known after an epoch.

    Attributes:
        epoch: from 1 on.
        epochs: how many there will be.
        loss: mean over the epoch.
        seconds: since the training began, without the time between a kill and going on.
        images_per_second: over this epoch, or the part of it since the training went on; validation left out.
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


def write_history(history: Sequence[EpochEnd], path: Path) -> None:
    """Write all epochs, wholly or not at all."""
    with atomic_write(path) as aside:
        aside.write_text("".join(json.dumps(asdict(end)) + "\n" for end in history), "utf-8")


def read_history(path: Path) -> tuple[EpochEnd, ...]:
    """Read what ``write_history`` wrote; nothing where there is no such file.

    Raises:
        DataError: the file is broken.
    """
    if not path.exists():
        return ()
    try:
        return tuple(EpochEnd(**json.loads(line)) for line in path.read_text("utf-8").splitlines())
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error}). Train the model again.") from error
