"""``kinfolk dedupe`` and ``kinfolk cluster``: which records of one table are the same thing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from kinfolk.cli.options import (
    AsJson,
    Ignore,
    Quiet,
    Report,
    RunFolder,
    read_threshold,
    split_columns,
)
from kinfolk.cli.progress import show_progress
from kinfolk.cli.results import check_places, print_notes, print_stages
from kinfolk.cli.terminal import results

if TYPE_CHECKING:
    from kinfolk.linking.clusters import Clusters

Table = Annotated[str, typer.Argument(help="The table: a file, or a SELECT statement.")]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="Where id and cluster_id go (.parquet, .csv, .tsv, .jsonl).")
]
Id = Annotated[str | None, typer.Option(help="The id column.")]
Columns = Annotated[list[str] | None, typer.Option(help="Columns of this role: NAME, or several with commas.")]
Judged = Annotated[str | None, typer.Option(help="Judged pairs to learn from: left_id, right_id, label (1 or 0).")]
Threshold = Annotated[str, typer.Option(help="auto (0.5), or the probability from which records belong together.")]

_EVEN = 0.5


def dedupe(
    table: Table,
    output: Output,
    id: Id = None,
    text: Columns = None,
    number: Columns = None,
    date: Columns = None,
    category: Columns = None,
    ignore: Ignore = None,
    labels: Judged = None,
    threshold: Threshold = "auto",
    run: RunFolder = None,
    report: Report = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find the records of one table that are the same thing."""
    import kinfolk

    def group(tell: Callable[[str], None]) -> Clusters:
        return kinfolk.dedupe(
            table,
            id=id,
            text=split_columns(text),
            number=split_columns(number),
            date=split_columns(date),
            category=split_columns(category),
            ignore=split_columns(ignore),
            labels=labels,
            threshold=_cut(threshold),
            run=run,
            progress=tell,
        )

    _run(group, output, report, (table, labels), as_json, quiet)


def cluster(
    table: Table,
    output: Output,
    id: Id = None,
    text: Columns = None,
    number: Columns = None,
    date: Columns = None,
    category: Columns = None,
    ignore: Ignore = None,
    labels: Judged = None,
    one_per: Annotated[
        str | None, typer.Option(help="Column of which a group holds each value once at most, such as the source.")
    ] = None,
    grouping: Annotated[
        str, typer.Option(help="average: alike on average. components: every pair above the threshold, chains split.")
    ] = "average",
    threshold: Threshold = "auto",
    run: RunFolder = None,
    report: Report = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Group the records of one table, which may come from several sources."""
    import kinfolk

    def group(tell: Callable[[str], None]) -> Clusters:
        return kinfolk.cluster(
            table,
            id=id,
            text=split_columns(text),
            number=split_columns(number),
            date=split_columns(date),
            category=split_columns(category),
            ignore=split_columns(ignore),
            labels=labels,
            one_per=one_per,
            grouping=grouping,
            threshold=_cut(threshold),
            run=run,
            progress=tell,
        )

    _run(group, output, report, (table, labels), as_json, quiet)


def _cut(given: str) -> float:
    threshold = read_threshold(given)
    return _EVEN if threshold is None else threshold


def _run(
    group: Callable[[Callable[[str], None]], Clusters],
    output: Path,
    report: Path | None,
    inputs: tuple[str | None, ...],
    as_json: bool,
    quiet: bool,
) -> None:
    from kinfolk.data import write_table

    check_places(output, report, inputs)
    with show_progress(silent=quiet or as_json) as progress:
        found = group(progress)
        progress("write")
        write_table(found.to_arrow(), output)
        if report is not None:
            found.report(report)
    if as_json:
        typer.echo(json.dumps({**_summary(found), "output": str(output)}, default=str))
    elif not quiet:
        _print(found, output, report)


def _print(found: Clusters, output: Path, report: Path | None) -> None:
    console = results()
    surplus = len(found.records) - len(found)
    console.print(
        f"[bold]{len(found):,} groups[/] of {len(found.records):,} records, {surplus:,} of them duplicates"
        f" → {escape(str(output))}"
    )
    estimate = found.estimate
    console.print(
        f"Estimated without truth, over pairs: precision {estimate.precision}, recall {estimate.recall} of the matches "
        f"among the candidates, F1 {estimate.f1}"
    )
    print_stages(console, found.stages)
    print_notes(console, found.notes)
    if report is not None:
        console.print(f"Report: {escape(str(report))}")


def _summary(found: Clusters) -> dict[str, object]:
    return {
        "groups": len(found),
        "records": len(found.records),
        "candidates": found.scores.num_rows,
        "threshold": found.threshold,
        "estimate": asdict(found.estimate),
        "stages": [asdict(stage) for stage in found.stages],
        "notes": list(found.notes),
    }
