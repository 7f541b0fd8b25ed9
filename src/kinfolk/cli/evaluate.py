"""``kinfolk evaluate``: a result beside the truth."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from kinfolk.cli.options import AsJson


def evaluate(
    result: Annotated[Path, typer.Argument(help="Links (left_id, right_id) or clusters (id, cluster_id).")],
    truth: Annotated[Path, typer.Argument(help="The true ones, in the same form.")],
    as_json: AsJson = False,
) -> None:
    """Compare a result with the truth."""
    from kinfolk.data import read_table
    from kinfolk.evaluation import evaluate as compare

    figures = asdict(compare(read_table(result), read_table(truth)))
    if as_json:
        typer.echo(json.dumps(figures, default=str))
        return
    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), f"{value:.4f}" if isinstance(value, float) else str(value))
    Console(highlight=False).print(table)
