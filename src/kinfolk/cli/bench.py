"""``kinfolk bench``: published protocols on data of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from kinfolk.cli.options import AsJson, Quiet, split_columns
from kinfolk.cli.progress import show_progress
from kinfolk.cli.terminal import results
from kinfolk.errors import ConfigurationError

if TYPE_CHECKING:
    from kinfolk.search.study import Kind, Study

bench = typer.Typer(no_args_is_help=True, help="Measure kinfolk beside others, by published protocols.")

_DATA, _STORES = "data", "stores"  # in the folder of the results: what was generated, and what engines keep on disk


@bench.callback()
def _group() -> None:
    """Keep ``fanns`` a command of its own: Typer makes a single command the whole program."""


@bench.command("fanns")
def fanns(
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the results.")],
    data: Annotated[
        Path | None,
        typer.Argument(
            help="A folder with database_vectors.fvecs, database_attributes.jsonl, query_vectors.fvecs, {em,r,emis}_query_attributes.jsonl "
            "and ground_truth{,_em,_r,_emis}.ivecs."
        ),
    ] = None,
    made_from: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--from",
            metavar="VECTORS TABLE",
            help="Make the data, instead, from a file of vectors (.parquet, .npy) and a table with a row for each.",
        ),
    ] = None,
    em: Annotated[str | None, typer.Option(help="The column that is matched exactly; else one is found.")] = None,
    r: Annotated[str | None, typer.Option("--range", help="The column of ranges; else one is found.")] = None,
    emis: Annotated[str | None, typer.Option(help="The column of sets, or of texts with commas; else found.")] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Of the data that are made; more than there are repeats them with noise.")
    ] = None,
    queries: Annotated[
        int | None,
        typer.Option(min=1, help="Vectors that are held out as queries of the data that are made; else 100."),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Neighbors to find.")] = 10,
    recall: Annotated[float, typer.Option(help="At which throughput is stated, in (0, 1].")] = 0.95,
    engine: Annotated[
        list[str] | None,
        typer.Option(
            help="Engines to measure, with commas, methods such as acorn-1 among them; else all that are installed."
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(help="About how long each effort of an engine is measured.")] = 0.3,
    seed: Annotated[int | None, typer.Option(help="Of the data that are made; else 0.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Filtered search: recall and throughput by kind of filter and share that passes, on one core.

    A stopped run goes on where it stopped when the same command is given again.
    """
    from kinfolk.report.search_study import write_study_report
    from kinfolk.search.study import installed_engines, read_study, run_study

    if (data is None) == (made_from is None):
        raise ConfigurationError("bench fanns needs either a folder of data, or --from VECTORS TABLE to make one.")
    if data is not None and any(given is not None for given in (rows, queries, seed)):
        raise ConfigurationError("--rows, --queries and --seed are of data that are made with --from. Leave them out.")
    columns: dict[Kind, str | None] = {"em": em, "r": r, "emis": emis}
    engines = installed_engines(output / _STORES, only=split_columns(engine) if engine is not None else None)
    with show_progress(silent=quiet or as_json) as progress:
        if data is not None:
            progress.begin("read")
            study = read_study(data, columns={kind: name for kind, name in columns.items() if name is not None})
        else:
            assert made_from is not None
            progress.begin("generate")
            study = _generated(made_from, output / _DATA, columns, rows, queries or 100, seed or 0)
        measured = run_study(study, engines, output, k=k, recall=recall, seconds=seconds, told=progress)
    written = write_study_report(measured, output)
    if as_json:
        typer.echo(json.dumps({"summary": str(written), "fastest": _fastest(measured)}))
    elif not quiet:
        _show(measured)
        results().print(f"Summary, figures and pictures → {escape(str(written))}")


def _generated(
    made_from: tuple[Path, Path],
    folder: Path,
    columns: dict[Kind, str | None],
    rows: int | None,
    queries: int,
    seed: int,
) -> Study:
    """A study from a file of vectors and a table; from an earlier call, where it was asked for in the same way."""
    from kinfolk.data.run import Run
    from kinfolk.data.vector_files import read_vectors
    from kinfolk.search.study import generate, read_study, write_study
    from kinfolk.search.study.layout import FACTS
    from kinfolk.search.table_of_vectors import table_of_vectors

    vectors, beside = read_vectors(made_from[0])
    _, table = table_of_vectors(beside, len(vectors), attributes=str(made_from[1]), id_column=None)
    sizes = " ".join(f"{path.name} {path.stat().st_size}" for path in made_from)
    asked = {"rows": rows, "queries": queries, "seed": seed, "columns": columns}
    Run(folder, {"input": sizes, **{name: str(value) for name, value in asked.items()}})
    if not (folder / FACTS).exists():
        write_study(generate(vectors, table, columns=columns, rows=rows, queries=queries, seed=seed), folder)
    return read_study(folder)


def _fastest(measured: dict[str, Any]) -> dict[str, dict[str, str | None]]:
    """By mode and cell the fastest engine; None where none reaches the recall."""
    from kinfolk.search.study import standings
    from kinfolk.search.study.timing import MODES

    first = {mode: {cell: standings(measured, cell, mode)[0] for cell in measured["cells"]} for mode in MODES}
    return {
        mode: {cell: best.engine if best.qps is not None else None for cell, best in by_cell.items()}
        for mode, by_cell in first.items()
    }


def _show(measured: dict[str, Any]) -> None:
    """The fastest engine of each cell, by mode."""
    from kinfolk.search.study.winners import WORDS

    fastest = _fastest(measured)
    table = Table("cell", "passing", *WORDS.values(), title=f"Fastest at recall {measured['about']['recall']:g}")
    for cell, facts in measured["cells"].items():
        names = [by_cell[cell] or "none" for by_cell in fastest.values()]
        table.add_row(cell, f"{100 * facts['passing']:.3g} %", *names)
    results().print(table)
    for name, build in measured["builds"].items():
        if "failed" in build:
            results().print(f"Note: {escape(name)} was not measured: {escape(build['failed'])}")
