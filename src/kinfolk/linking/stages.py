"""The stages of a run: their names as they begin, and how long each took."""

from __future__ import annotations

import time
from collections.abc import Callable

from kinfolk.linking.links import Stage

Progress = Callable[[str], None]


class Clock:
    """Times the stages and tells the caller when each begins.

    Args:
        progress: called with the name of each stage; None tells nobody.

    Attributes:
        stages: the finished ones, in order.
    """

    def __init__(self, progress: Progress | None) -> None:
        self.stages: list[Stage] = []
        self._progress = progress
        self._name, self._began = "", 0.0

    def start(self, name: str) -> None:
        """Begin a stage."""
        self._name, self._began = name, time.perf_counter()
        if self._progress is not None:
            self._progress(name)

    def stop(self, detail: str = "") -> None:
        """End the stage, with a few words on what it made."""
        self.stages.append(Stage(self._name, time.perf_counter() - self._began, detail))
