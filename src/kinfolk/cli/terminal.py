"""Where the command line writes: results to standard output, everything else to standard error."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

errors = Console(stderr=True)


def results(*, markup: bool = True) -> Console:
    """Standard output, for sentences: wrapped between words in a terminal, left in one line in a file or a pipe.

    Args:
        markup: whether square brackets mean styles.
    """
    return Console(highlight=False, markup=markup, soft_wrap=not Console().is_terminal)


def print_error(sentence: str) -> None:
    """Say what was wrong, on standard error."""
    errors.print(f"[bold red]kinfolk:[/] {escape(sentence)}", highlight=False, soft_wrap=not errors.is_terminal)
