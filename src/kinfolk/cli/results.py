"""What a command leaves behind: checked before the work, and told about after it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from kinfolk.errors import ConfigurationError

if TYPE_CHECKING:
    from kinfolk.linking.links import Stage


def check_places(output: Path, report: Path | None, inputs: Sequence[object]) -> None:
    """Raise before any work what writing the results would raise after it.

    Args:
        output: the table that will be written.
        report: the HTML file that will be written, or None.
        inputs: sources that will be read, which no result may overwrite.

    Raises:
        ConfigurationError: the name of the table has no known ending, or a result would overwrite something.
        DataError: a place cannot be written to.
    """
    from kinfolk.data.atomic import check_place, check_table_place

    check_table_place(output, inputs=inputs)
    if report is not None:
        check_place(report, inputs=inputs)
        if report.absolute() == output.absolute():
            raise ConfigurationError(f"--output and --report both name {output}. Give them different names.")


def print_stages(console: Console, stages: Sequence[Stage]) -> None:
    """A line for each stage: its name, how long it took, what it made."""
    for stage in stages:
        console.print(f"  {stage.name:<11}{stage.seconds:7.1f} s  {escape(stage.detail)}")


def print_notes(console: Console, notes: Sequence[str]) -> None:
    """What a run wants the user to know."""
    for note in notes:
        console.print(f"Note: {escape(note)}")
