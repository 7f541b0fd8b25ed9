"""``kinfolk embed``: images or texts in, vectors out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from kinfolk.cli.options import AsJson, ColumnOfImages, OnError, Quiet
from kinfolk.cli.progress import show_progress, timed_stage
from kinfolk.cli.terminal import results


def embed(
    data: Annotated[
        str, typer.Argument(help="A folder of images, a file of lines, or a table with a column of either.")
    ],
    model: Annotated[Path, typer.Option(help="The folder of the model that `kinfolk train` wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the vectors go (.parquet or .npy).")],
    column: ColumnOfImages = None,
    label: Annotated[
        str | None, typer.Option(help="Of texts: the column with the domain of each, for a model of the method moe.")
    ] = None,
    on_error: Annotated[OnError, typer.Option(help="What happens at an image that cannot be read.")] = OnError.RAISE,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Turn images or texts into vectors with a trained encoder."""
    import kinfolk
    from kinfolk.methods.vectors import check_vectors_place

    check_vectors_place(output, inputs=(data,))
    with show_progress(silent=quiet or as_json) as progress:
        progress.begin("embed")
        vectors = kinfolk.embed(
            data, model=model, column=column, label=label, on_error=on_error.value, advance=progress.advance
        )
        with timed_stage(progress, "write", str(output)):
            vectors.save(output)
    num, dim = vectors.array.shape
    if as_json:
        typer.echo(json.dumps({"vectors": num, "dim": dim, "skipped": list(vectors.notes), "output": str(output)}))
    elif not quiet:
        results().print(f"[bold]{num:,} vectors[/] of {dim} numbers → {escape(str(output))}")
        for note in vectors.notes:
            results().print(f"Note: {escape(note)}")
