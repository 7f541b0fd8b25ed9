"""The stages of a run: told as they begin, as they advance and as they end, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from kinfolk.linking.links import Stage


@runtime_checkable
class Progress(Protocol):
    """What can be told how far a run is."""

    def begin(self, stage: str) -> None:
        """A stage of this name begins."""
        ...

    def advance(self, share: float) -> None:
        """This share of its work is done, in [0, 1]; equal shares take about equally long."""
        ...

    def end(self, stage: Stage) -> None:
        """It has ended: how long it took, and a few words on what it made."""
        ...


class Clock:
    """Times the stages and tells the caller of them.

    Args:
        progress: what is told everything, or is called with the name of each stage as it begins; None tells nobody.

    Attributes:
        stages: the finished ones, in order.
    """

    def __init__(self, progress: Progress | Callable[[str], None] | None) -> None:
        self.stages: list[Stage] = []
        self._progress = progress
        self._name, self._began = "", 0.0

    def start(self, name: str) -> None:
        """Begin a stage."""
        self._name, self._began = name, time.perf_counter()
        if isinstance(self._progress, Progress):
            self._progress.begin(name)
        elif self._progress is not None:
            self._progress(name)

    def advance(self, share: float) -> None:
        """Tell that this share of the stage's work is done, in [0, 1]."""
        if isinstance(self._progress, Progress):
            self._progress.advance(share)

    def stop(self, detail: str = "") -> None:
        """End the stage, with a few words on what it made."""
        stage = Stage(self._name, time.perf_counter() - self._began, detail)
        self.stages.append(stage)
        if isinstance(self._progress, Progress):
            self._progress.end(stage)
