"""``kinfolk evaluate-encoder``: a text encoder and the files of a task in, figures out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kinfolk.cli.options import AsJson, Quiet, split_columns
from kinfolk.cli.progress import show_progress
from kinfolk.cli.terminal import results

if TYPE_CHECKING:
    from kinfolk.evaluation.tasks import EncoderEvaluation, Task


def evaluate_encoder(
    model: Annotated[
        str,
        typer.Argument(help="A folder of `kinfolk train` or of sentence-transformers, minilm, or a name on the hub."),
    ],
    task: Annotated[str, typer.Option(help="sts, retrieval, cross-language, pairs, classification or geometry.")],
    data: Annotated[str, typer.Option(help="The file or the folder of the task.")],
    column: Annotated[
        list[str] | None, typer.Option(help="Columns with the texts, where they have other names; several with commas.")
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Which rows of a table with a column split, or all; else test where there is one."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is drawn.")] = 0,
    report: Annotated[
        Path | None, typer.Option(help="Write the figures and what they mean, one HTML file, here.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Say how good a text encoder is at a task, beside baselines where there are some."""
    import kinfolk
    from kinfolk.data.atomic import check_place

    if report is not None:
        check_place(report, inputs=(data,))
    with show_progress(silent=quiet or as_json) as progress:
        progress.begin("encode")
        found = kinfolk.evaluate_encoder(
            model,
            task=cast("Task", task),
            data=data,
            columns=split_columns(column),
            split=split,
            seed=seed,
            advance=progress.advance,
        )
    if report is not None:
        found.report(report)
    if as_json:
        typer.echo(json.dumps(found.to_dict()))
    elif not quiet:
        _print(found)
        if report is not None:
            results().print(f"Report: {escape(str(report))}")


def _print(found: EncoderEvaluation) -> None:
    console = Console(highlight=False)
    results().print(f"[bold]{escape(found.model)}[/], {found.task} on {escape(found.data)}")
    for name, rows in found.tables.items():
        cells = [asdict(row) for row in rows]
        table = Table(*(column.replace("_", " ") for column in cells[0]), title=escape(name), title_justify="left")
        for row in cells:
            table.add_row(*(escape(figure_text(value)) for value in row.values()))
        console.print(table)
    for note in found.notes:
        results().print(f"Note: {escape(note)}")


def figure_text(value: Any) -> str:
    """A figure as it stands in the table: four digits behind the point, "–" for none."""
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
