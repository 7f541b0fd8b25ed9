"""``kinfolk dedupe`` and ``kinfolk cluster``: which records of one table are the same thing.

Two names for one command, with the same options: people with one messy table look for the first, people with several
sources in one table for the second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kinfolk.cli.options import (
    Adapt,
    AdaptReading,
    AsJson,
    Ignore,
    Labels,
    OnError,
    Quiet,
    Report,
    RunFolder,
    TextEncoder,
    read_threshold,
    split_columns,
)
from kinfolk.cli.progress import show_progress, timed_stage
from kinfolk.cli.results import check_places, print_result, summary


def _columns(role: str) -> str:
    return f"Columns of {role}: NAME, or several with commas."


Text = Annotated[list[str] | None, typer.Option(help=_columns("text"))]
Numbers = Annotated[list[str] | None, typer.Option(help=_columns("numbers"))]
Dates = Annotated[list[str] | None, typer.Option(help=_columns("dates"))]
Categories = Annotated[list[str] | None, typer.Option(help=_columns("categories"))]
Images = Annotated[list[str] | None, typer.Option(help=_columns("images (paths of files, or bytes)"))]

_EVEN = 0.5


def dedupe(
    table: Annotated[str, typer.Argument(help="The table: a file, or a SELECT statement.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where id and cluster_id go (.parquet, .csv, .tsv, .jsonl).")
    ],
    id: Annotated[str | None, typer.Option(help="The id column.")] = None,
    text: Text = None,
    number: Numbers = None,
    date: Dates = None,
    category: Categories = None,
    image: Images = None,
    ignore: Ignore = None,
    labels: Labels = None,
    encoder: TextEncoder = "none",
    adapt: Adapt = False,
    adapt_reading: AdaptReading = False,
    on_error: Annotated[OnError, typer.Option(help="What happens at an image that cannot be read.")] = OnError.RAISE,
    one_per: Annotated[
        str | None, typer.Option(help="Column of which a group holds each value once at most, such as the source.")
    ] = None,
    grouping: Annotated[
        str, typer.Option(help="average: alike on average. components: every pair above the threshold, chains split.")
    ] = "average",
    threshold: Annotated[
        str, typer.Option(help="auto (0.5), or the probability from which records belong together.")
    ] = "auto",
    run: RunFolder = None,
    report: Report = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Group the records of one table that are the same thing."""
    import kinfolk
    from kinfolk.data import write_table

    check_places(output, report, inputs=(table, labels))
    cut = read_threshold(threshold)
    with show_progress(silent=quiet or as_json) as progress:
        found = kinfolk.cluster(
            table,
            id=id,
            text=split_columns(text),
            number=split_columns(number),
            date=split_columns(date),
            category=split_columns(category),
            image=split_columns(image),
            ignore=split_columns(ignore),
            labels=labels,
            encoder=encoder,
            adapt="reading" if adapt_reading else adapt,
            on_error=on_error.value,
            one_per=one_per,
            grouping=grouping,
            threshold=_EVEN if cut is None else cut,
            run=run,
            progress=progress,
        )
        with timed_stage(progress, "write", str(output)):
            write_table(found.to_arrow(), output)
        if report is not None:
            with timed_stage(progress, "report", str(report)):
                found.report(report)
    if as_json:
        typer.echo(summary(found, output, {"table": found.records}, groups=len(found), records=len(found.records)))
    elif not quiet:
        surplus = len(found.records) - len(found)
        headline = f"[bold]{len(found):,} groups[/] of {len(found.records):,} records, {surplus:,} of them duplicates"
        print_result(headline, found, output, report)
