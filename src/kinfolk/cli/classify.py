"""``kinfolk classify``: texts and names of labels in, the label of each text out."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from kinfolk.cli.options import AsJson, Quiet, split_columns
from kinfolk.cli.progress import show_progress, timed_stage
from kinfolk.cli.terminal import results


def classify(
    data: Annotated[str, typer.Argument(help="A file of lines, or a table with a column of texts.")],
    model: Annotated[Path, typer.Option(help="The folder of a model that the method textlabel trained.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the labels go (.csv or .parquet).")],
    labels: Annotated[
        list[str] | None,
        typer.Option(
            help="Names of labels, several with commas; they may be new to the model. Else those of its training."
        ),
    ] = None,
    column: Annotated[str | None, typer.Option(help="The column with the texts, where there are several.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Tell the label of each text by the names of the labels."""
    import kinfolk
    from kinfolk.data.atomic import check_table_place

    check_table_place(output, inputs=(data,))
    with show_progress(silent=quiet or as_json) as progress:
        progress.begin("classify")
        found = kinfolk.classify(
            data, model=model, labels=split_columns(labels) or None, column=column, advance=progress.advance
        )
        with timed_stage(progress, "write", str(output)):
            found.save(output)
    counts = Counter(found.best())
    if as_json:
        summary = {"texts": len(found.names), "labels": dict(counts), "skipped": list(found.notes)}
        typer.echo(json.dumps({**summary, "output": str(output)}))
    elif not quiet:
        told = ", ".join(f"{escape(label)} {count:,}" for label, count in counts.most_common())
        results().print(f"[bold]{len(found.names):,} texts[/] ({told}) → {escape(str(output))}")
        for note in found.notes:
            results().print(f"Note: {escape(note)}")
