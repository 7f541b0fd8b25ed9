"""What a run is doing, on standard error: a line for each finished stage and, in a terminal, how long the rest takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from textwrap import fill
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from kinfolk.cli.terminal import errors

if TYPE_CHECKING:
    from kinfolk.linking.links import Stage
    from kinfolk.linking.stages import Clock

_HANGING = " " * 24  # where the details of a stage begin
_PATIENCE_SECONDS = 2.0  # a stage that ends sooner needs no bar


class StageProgress:
    """Shows the running stage and prints each finished one; a ``kinfolk.linking.stages.Progress``.

    Args:
        console: where to; a bar is shown only if it is a terminal.
        silent: show nothing at all.
        now: seconds that never go back.
    """

    def __init__(self, console: Console, *, silent: bool = False, now: Callable[[], float] = time.monotonic) -> None:
        self._console, self._silent, self._now = console, silent, now
        self.bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            _LateBar(bar_width=30),
            _TimeLeft(),
            get_time=now,
            console=console,
            transient=True,
            disable=silent or not console.is_terminal,
        )
        self._task = self.bar.add_task("", total=None)

    def begin(self, stage: str) -> None:
        """Show the name of the stage that begins."""
        self.bar.reset(self._task, description=stage, total=None, ends=None)

    def advance(self, share: float) -> None:
        """Show that this share of the stage is done, in [0, 1], and when it will be over at this pace."""
        elapsed = self.bar.tasks[0].elapsed or 0.0
        ends = self._now() + elapsed * (1 - share) / share if share > 0 else None
        self.bar.update(self._task, completed=share, total=1.0, ends=ends)

    def end(self, stage: Stage) -> None:
        """Print what the stage made and how long it took."""
        if not self._silent:
            line = f"  {stage.name:<11}{stage.seconds:7.1f} s  {stage.detail}".rstrip()
            if self._console.is_terminal:
                line = fill(line, self._console.width, subsequent_indent=_HANGING, break_on_hyphens=False)
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def show_progress(*, silent: bool) -> Iterator[StageProgress]:
    """Show the stages of a run until the block ends, however it ends.

    Args:
        silent: show nothing.

    Yields:
        What to give to ``kinfolk.link`` as ``progress``.
    """
    progress = StageProgress(errors, silent=silent)
    with progress.bar:
        yield progress


@contextmanager
def timed_stage(progress: StageProgress, name: str, detail: str) -> Iterator[Clock]:
    """Show a stage that the command itself does, such as writing."""
    from kinfolk.linking.stages import Clock

    clock = Clock(progress)
    clock.start(name)
    yield clock
    clock.stop(detail)


def duration(seconds: float) -> str:
    """Seconds as people say them: ``8 s``, ``2 min 05 s``, ``1 h 10 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class _LateBar(BarColumn):
    """A bar that appears when the stage has lasted two seconds and says how far it is."""

    def render(self, task: Task) -> Text:  # type: ignore[override]  # columns may render anything that can be shown
        if task.total is None or (task.elapsed or 0.0) < _PATIENCE_SECONDS:
            return Text("")
        return super().render(task)  # type: ignore[return-value]


class _TimeLeft(ProgressColumn):
    """How long the stage has lasted and, where its pace is known, how long it still takes."""

    def render(self, task: Task) -> Text:
        elapsed = task.elapsed or 0.0
        if elapsed < _PATIENCE_SECONDS:
            return Text("")
        ends = task.fields.get("ends")
        if ends is None:
            return Text(duration(elapsed))
        return Text(f"{duration(elapsed)}, about {duration(ends - task.get_time())} left")
