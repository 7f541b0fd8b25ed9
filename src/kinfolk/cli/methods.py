"""``kinfolk methods``: the ways to train an encoder, and their settings."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.markup import escape

from kinfolk.cli.options import AsJson
from kinfolk.cli.terminal import results


def methods(
    name: Annotated[str | None, typer.Argument(help="One of them, with its settings; without, the list.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the methods of training, or the settings of one."""
    from dataclasses import asdict

    from kinfolk.methods import find_method, methods

    chosen = methods() if name is None else {name: find_method(name)}
    if as_json:
        rows = [
            {
                "name": entry.name,
                "summary": entry.summary,
                "paper": entry.paper,
                "labels": entry.labels,
                "settings": {setting: default for setting, (_, default) in entry.settings().items()},
                "recipe": asdict(entry.recipe),
            }
            for entry in chosen.values()
        ]
        typer.echo(json.dumps(rows))
        return
    console = results()
    for entry in chosen.values():
        console.print(f"[bold]{entry.name:<16}[/] {escape(entry.summary)}", highlight=False)
        console.print(f"{'':<16} [dim]{escape(entry.paper)}[/]", highlight=False)
        if name is not None:
            given = {**{s: d for s, (_, d) in entry.settings().items()}, **asdict(entry.recipe)}
            for setting, default in given.items():
                console.print(f"{'':<16} --set {setting}={default}", highlight=False)
