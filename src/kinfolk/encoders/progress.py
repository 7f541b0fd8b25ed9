"""A progress bar for encoding: texts done, texts a second, time left; silent for jobs under two seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE_SECONDS = 2.0

# Models cut long texts: beyond this a text costs no more.
_LONGEST_TEXT = 2_000


class EncodingProgress:
    """Shows how far an encoding is, once it has lasted two seconds and is not done.

    Long texts go first and cost more than short ones, so time left is told from characters, not from texts.

    Args:
        texts: the texts to encode.
        shown: False shows no bar.
        advance: told the share that is done.
    """

    def __init__(self, texts: Sequence[str], *, shown: bool, advance: Callable[[float], None] | None = None) -> None:
        self._tell = advance
        self._num_texts = len(texts)
        self._work = _work(texts)
        self._shown = shown
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._texts_done = 0
        self._work_done = 0
        self._started = 0.0

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, texts: Sequence[str]) -> None:
        """Count these texts as done."""
        self._texts_done += len(texts)
        self._work_done += _work(texts)
        if self._tell is not None:
            self._tell(self._work_done / self._work)
        seconds = time.monotonic() - self._started
        if self._bar is None and self._shown and seconds > _PATIENCE_SECONDS and self._work_done < self._work:
            self._open()
        if self._bar is not None and self._task is not None:
            speed = f"{self._texts_done:,}/{self._num_texts:,} texts, {self._texts_done / seconds:,.0f}/s"
            self._bar.update(self._task, completed=self._work_done, speed=speed)

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("Encoding texts", total=self._work, speed="")
        self._bar.start()


def _work(texts: Sequence[str]) -> int:
    return sum(min(len(text), _LONGEST_TEXT) for text in texts)
