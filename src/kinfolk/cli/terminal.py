"""Where the command line writes: results to standard output, everything else to standard error."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

errors = Console(stderr=True)


def results() -> Console:
    """Standard output, for sentences: a long one is not broken at the width of a terminal that may not be there."""
    return Console(highlight=False, soft_wrap=True)


def print_error(sentence: str) -> None:
    """Say what was wrong, on standard error."""
    errors.print(f"[bold red]kinfolk:[/] {escape(sentence)}", highlight=False, soft_wrap=True)
