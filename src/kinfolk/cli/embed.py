"""``kinfolk embed``: images or texts in, vectors out."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from kinfolk.cli.options import AsJson, ColumnOfImages, OnError, Quiet
from kinfolk.cli.progress import show_progress, timed_stage
from kinfolk.cli.terminal import results


class BackendName(StrEnum):
    """What computes the vectors of texts."""

    TORCH = "torch"
    OPENVINO = "openvino"


def embed(
    data: Annotated[
        str, typer.Argument(help="A folder of images, a file of lines, or a table with a column of either.")
    ],
    model: Annotated[
        str,
        typer.Option(
            help="The folder of the model that `kinfolk train` wrote; for texts also minilm (extra offline), or the name or folder "
            "of a sentence-transformers model."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the vectors go (.parquet or .npy).")],
    column: ColumnOfImages = None,
    label: Annotated[
        str | None, typer.Option(help="Of texts: the column with the domain of each, for a model of the method moe.")
    ] = None,
    backend: Annotated[
        BackendName, typer.Option(help="Of texts: what computes, PyTorch or OpenVINO (extra openvino).")
    ] = BackendName.TORCH,
    on_error: Annotated[OnError, typer.Option(help="What happens at an image that cannot be read.")] = OnError.RAISE,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Turn images or texts into vectors with a trained encoder. Texts need not fit into memory; killed, the same command goes on."""
    import kinfolk
    from kinfolk.methods.embed_stream import embed_stream
    from kinfolk.methods.model import Model
    from kinfolk.methods.vectors import check_vectors_place, open_model

    check_vectors_place(output, inputs=(data,))
    with show_progress(silent=quiet or as_json) as progress:
        progress.begin("model")
        opened = open_model(model, backend=backend.value)
        progress.begin("embed")
        if isinstance(opened, Model) or label is not None:
            vectors = kinfolk.embed(
                data, model=opened, column=column, label=label, on_error=on_error.value, advance=progress.advance
            )
            with timed_stage(progress, "write", str(output)):
                vectors.save(output)
            (num, dim), notes = vectors.array.shape, vectors.notes
        else:
            written = embed_stream(data, output, encoder=opened, column=column, advance=progress.advance)
            num, dim, notes = written.num, written.dim, written.notes
    if as_json:
        typer.echo(json.dumps({"vectors": num, "dim": dim, "skipped": list(notes), "output": str(output)}))
    elif not quiet:
        results().print(f"[bold]{num:,} vectors[/] of {dim} numbers → {escape(str(output))}")
        for note in notes:
            results().print(f"Note: {escape(note)}")
