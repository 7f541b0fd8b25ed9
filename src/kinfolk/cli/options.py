"""Options that several commands have in common, and what was typed for them turned into values."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kinfolk.errors import ConfigurationError


def _columns(role: str) -> str:
    return f"Columns of {role}: NAME, or LEFT=RIGHT where the names differ; several with commas."


ColumnsOfText = Annotated[list[str] | None, typer.Option(help=_columns("text"))]
ColumnsOfNumbers = Annotated[list[str] | None, typer.Option(help=_columns("numbers"))]
ColumnsOfDates = Annotated[list[str] | None, typer.Option(help=_columns("dates"))]
ColumnsOfCategories = Annotated[list[str] | None, typer.Option(help=_columns("categories"))]
ColumnsOfImages = Annotated[list[str] | None, typer.Option(help=_columns("images (paths of files, or bytes)"))]
Ignore = Annotated[list[str] | None, typer.Option(help="Columns to leave out.")]
Threshold = Annotated[str, typer.Option(help="auto, or the least probability of a link.")]
Labels = Annotated[str | None, typer.Option(help="Judged pairs to learn from: left_id, right_id, label (1 or 0).")]
TextEncoder = Annotated[
    str, typer.Option(help="none, minilm (extra offline), or the name or folder of a sentence-transformers model.")
]
RunFolder = Annotated[Path | None, typer.Option(help="Folder that keeps finished stages, to go on after a stop.")]
Report = Annotated[Path | None, typer.Option(help="Write the report, one HTML file, here.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]


ColumnOfImages = Annotated[
    str | None,
    typer.Option("--column", help="The column, or the array, with the images or texts, where there are several."),
]


Adapt = Annotated[
    bool, typer.Option("--adapt", help="Learn from the records which image belongs to which text; takes minutes.")
]
AdaptReading = Annotated[
    bool,
    typer.Option(
        "--adapt-reading",
        help="Adapt to images that are crops of the text: learn to read first, from the texts drawn in fonts of this machine.",
    ),
]


class OnError(StrEnum):
    """What happens at an image that cannot be read."""

    RAISE = "raise"
    SKIP = "skip"


class MineBy(StrEnum):
    """Where hard negatives of pairs of texts are looked for."""

    BM25 = "bm25"
    MODEL = "model"
    SIBLINGS = "siblings"
    RANDOM = "random"


def split_columns(entries: list[str] | None) -> list[str]:
    """Columns named one by one, with commas, or both."""
    return [part.strip() for entry in entries or [] for part in entry.split(",") if part.strip()]


def split_pairs(option: str, entries: list[str] | None) -> list[tuple[str, str]]:
    """Settings typed as NAME=VALUE.

    Raises:
        ConfigurationError: one is not.
    """
    pairs = []
    for entry in entries or []:
        name, equals, value = entry.partition("=")
        if not equals or not name:
            raise ConfigurationError(f"{option} must be NAME=VALUE. Got {entry!r}.")
        pairs.append((name.strip(), value.strip()))
    return pairs


def read_integer(name: str, text: str) -> int:
    """A whole number from text.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        return int(text)
    except ValueError:
        raise ConfigurationError(f"{name} must be an integer. Got {text!r}.") from None


def read_threshold(given: str) -> float | None:
    """The least probability of a link; None where the program is to choose it.

    Raises:
        ConfigurationError: neither a number nor ``auto``. Whether it lies in [0, 1] is checked by what uses it.
    """
    if given == "auto":
        return None
    try:
        return float(given)
    except ValueError:
        raise ConfigurationError(f"--threshold must be 'auto' or a number in [0, 1]. Got {given!r}.") from None
