"""``kinfolk link``: two tables in, links out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinfolk.cli.options import (
    AdaptReading,
    AsJson,
    ColumnsOfCategories,
    ColumnsOfDates,
    ColumnsOfImages,
    ColumnsOfNumbers,
    ColumnsOfText,
    Ignore,
    Labels,
    OnError,
    Quiet,
    Report,
    RunFolder,
    TextEncoder,
    Threshold,
    read_threshold,
    split_columns,
)
from kinfolk.cli.progress import show_progress, timed_stage
from kinfolk.cli.results import check_places, print_result, summary

if TYPE_CHECKING:
    from kinfolk.linking.links import Links


def link(
    left: Annotated[str, typer.Argument(help="The first table: a file, or a SELECT statement.")],
    right: Annotated[str, typer.Argument(help="The second table.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the links go (.parquet, .csv, .tsv, .jsonl).")],
    id: Annotated[str | None, typer.Option(help="The id column of both tables.")] = None,
    left_id: Annotated[str | None, typer.Option(help="The id column of the first table.")] = None,
    right_id: Annotated[str | None, typer.Option(help="The id column of the second table.")] = None,
    text: ColumnsOfText = None,
    number: ColumnsOfNumbers = None,
    date: ColumnsOfDates = None,
    category: ColumnsOfCategories = None,
    image: ColumnsOfImages = None,
    ignore: Ignore = None,
    where: Annotated[
        str | None,
        typer.Option(
            help="Only pairs that pass become candidates: a condition on columns of the second table, mine.COLUMN for the first "
            'table\'s own, such as "country = mine.country AND year >= mine.year - 2".'
        ),
    ] = None,
    labels: Labels = None,
    encoder: TextEncoder = "none",
    adapt: Annotated[
        bool,
        typer.Option(
            "--adapt",
            help="Learn from the records, without labels, which image belongs to which text, and adapt the text encoder to the "
            "tables, if one is given; takes minutes.",
        ),
    ] = False,
    adapt_reading: AdaptReading = False,
    rescore: Annotated[
        str,
        typer.Option(
            help="A slow scorer for the best candidates: none, the name or folder of a sentence-transformers CrossEncoder, "
            "or module:function."
        ),
    ] = "none",
    rescore_calls: Annotated[int, typer.Option(help="Pairs of each left record that it scores, at most.")] = 10,
    on_error: Annotated[OnError, typer.Option(help="What happens at an image that cannot be read.")] = OnError.RAISE,
    relation: Annotated[
        str,
        typer.Option(
            help="How many partners a record may have: auto, one-to-one, many-to-one, one-to-many or many-to-many."
        ),
    ] = "auto",
    threshold: Threshold = "auto",
    run: RunFolder = None,
    report: Report = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Link two tables: who in the one is who in the other."""
    import kinfolk
    from kinfolk.data import write_table

    check_places(output, report, inputs=(left, right, labels))
    with show_progress(silent=quiet or as_json) as progress:
        links = kinfolk.link(
            left,
            right,
            left_id=left_id or id,
            right_id=right_id or id,
            text=split_columns(text),
            number=split_columns(number),
            date=split_columns(date),
            category=split_columns(category),
            image=split_columns(image),
            ignore=split_columns(ignore),
            where=where,
            labels=labels,
            encoder=encoder,
            adapt="reading" if adapt_reading else adapt,
            rescore=rescore,
            rescore_calls=rescore_calls,
            on_error=on_error.value,
            relation=relation,
            threshold=read_threshold(threshold),
            run=run,
            progress=progress,
        )
        with timed_stage(progress, "write", str(output)):
            write_table(links.to_arrow(), output)
        if report is not None:
            with timed_stage(progress, "report", str(report)):
                links.report(report)
    if as_json:
        counts = {"links": len(links), "left": len(links.left), "right": len(links.right)}
        tables = {"left": links.left, "right": links.right}
        typer.echo(summary(links, output, tables, **counts, relation=links.relation))
    elif not quiet:
        print_links(links, output, report)


def print_links(links: Links, output: Path, report: Path | None) -> None:
    """Say what was linked; see ``print_result``."""
    sizes = f"{len(links.left):,} and {len(links.right):,} records"
    headline = f"[bold]{len(links):,} links[/] between {sizes}, {links.relation}"
    print_result(headline, links, output, report)
