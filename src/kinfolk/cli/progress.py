"""What a run is doing, on standard error while it lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kinfolk.cli.terminal import errors


@contextmanager
def show_progress(*, silent: bool) -> Iterator[Callable[[str], None]]:
    """Show the stage that is running.

    Args:
        silent: show nothing.

    Yields:
        What to call with the name of each stage as it begins.
    """
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=errors,
        transient=True,
        disable=silent,
    ) as bar:
        task = bar.add_task("read")
        yield lambda stage: bar.update(task, description=stage)
