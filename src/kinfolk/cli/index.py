"""``kinfolk index``: vectors with attributes in a folder, and the nearest of them under any filter."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from kinfolk.cli.options import AsJson, Quiet
from kinfolk.cli.progress import show_progress, timed_stage
from kinfolk.cli.terminal import results

if TYPE_CHECKING:
    from kinfolk.search import Nearest

index = typer.Typer(no_args_is_help=True, help="Vectors with attributes, searched under any filter.")

Folder = Annotated[Path, typer.Argument(help="The folder of the index.")]
Where = Annotated[
    str | None,
    typer.Option(help="A filter in SQL, such as \"year BETWEEN 1950 AND 1960 AND 'steel' IN tags\"."),
]


@index.command("build")
def build(
    vectors: Annotated[Path, typer.Argument(help="A file of vectors (.parquet, .npy), as `kinfolk embed` writes it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the index.")],
    attributes: Annotated[
        str | None,
        typer.Option(
            help="The table that was embedded, whose columns can be filtered by; else those beside the vectors."
        ),
    ] = None,
    id_column: Annotated[
        str | None, typer.Option("--id", help="The column with ids; else rows are numbered from 1.")
    ] = None,
    metric: Annotated[str, typer.Option(help="cosine, ip (inner product) or l2 (distance).")] = "cosine",
    graph: Annotated[
        bool | None,
        typer.Option("--graph/--no-graph", help="Whether weak filters get a graph; else from 20,000 rows on."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Build an index of vectors and of the table that they were made from."""
    from kinfolk.data.vector_files import read_vectors
    from kinfolk.search import Index
    from kinfolk.search.metric import known_metric
    from kinfolk.search.table_of_vectors import table_of_vectors

    with show_progress(silent=quiet or as_json) as progress:
        with timed_stage(progress, "read", str(vectors)):
            array, beside = read_vectors(vectors)
            ids, columns = table_of_vectors(beside, len(array), attributes=attributes, id_column=id_column)
        with timed_stage(progress, "build", f"{len(array):,} vectors of {array.shape[1]}"):
            built = Index.build(array, columns, ids=ids, metric=known_metric(metric), graph=graph)
        with timed_stage(progress, "write", str(output)):
            built.save(output)
    _tell(built.stats(), as_json=as_json, quiet=quiet)


@index.command("search")
def search(
    folder: Folder,
    queries: Annotated[Path, typer.Argument(help="A file of vectors (.parquet, .npy): what to look for.")],
    k: Annotated[int, typer.Option("-k", help="How many rows each query finds.")] = 10,
    where: Where = None,
    recall: Annotated[float, typer.Option(help="Share of the true neighbors to find, in (0, 1]; 1 is exact.")] = 0.95,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write query, rank, id and score here (.csv, .parquet).")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say how the first query was answered, and why so.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Find the rows nearest to each query among those that pass the filter."""
    from kinfolk.data.atomic import check_table_place, write_table
    from kinfolk.data.vector_files import read_vectors
    from kinfolk.search import Index

    if output is not None:
        check_table_place(output, inputs=(str(queries),))
    array, _ = read_vectors(queries)
    opened = Index.open(folder)
    k = min(k, max(len(opened), 1))  # no more are found, and room is made for all that are asked for
    found = opened.search(array, k, where=where, recall=recall)
    explained = str(opened.explain(array[0], k, where=where, recall=recall)) if explain and len(array) else None
    if output is not None:
        write_table(found.to_arrow(), output)
    if as_json:
        hits = found.to_arrow().to_pylist() if output is None else str(output)
        typer.echo(json.dumps({"hits": hits, "notices": found.notices, "explanation": explained}))
    elif not quiet:
        if output is None:
            results().print(_hits(found))
        else:
            results().print(f"[bold]{len(array):,} queries[/] → {escape(str(output))}")
        for notice in found.notices:
            results().print(f"Note: {escape(notice)}")
    if explained is not None and not as_json:
        results().print(escape(explained))


@index.command("info")
def info(folder: Folder, as_json: AsJson = False) -> None:
    """Say what an index holds."""
    from kinfolk.search import Index

    _tell(Index.open(folder).stats(), as_json=as_json, quiet=False)


def _hits(found: Nearest) -> Table:
    table = Table("query", "rank", "id", "score")
    for row in found.to_arrow().to_pylist():
        table.add_row(str(row["query"] + 1), str(row["rank"]), escape(str(row["id"])), f"{row['score']:.4f}")
    return table


def _tell(stats: object, *, as_json: bool, quiet: bool) -> None:
    from kinfolk.search import IndexStats

    assert isinstance(stats, IndexStats)
    if as_json:
        typer.echo(json.dumps(asdict(stats)))
    elif not quiet:
        console = results()
        console.print(f"[bold]{stats.num:,} vectors[/] of {stats.dim} numbers, {stats.metric} → {escape(stats.folder)}")
        for name, kind in stats.columns.items():
            console.print(f"  {escape(name)} [dim]{kind}[/]", highlight=False)
        sizes = ", ".join(f"{name} {size / 1e6:,.1f} MB" for name, size in stats.sizes.items() if size)
        console.print(f"  {sizes}{'' if stats.graph else '; no graph'}", highlight=False)
