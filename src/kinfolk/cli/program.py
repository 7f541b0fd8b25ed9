"""The program: its commands, and how it ends when something is wrong."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from kinfolk import __version__
from kinfolk.cli.audit import audit
from kinfolk.cli.bench import bench
from kinfolk.cli.classify import classify
from kinfolk.cli.datasets import datasets
from kinfolk.cli.dedupe import dedupe
from kinfolk.cli.demo import demo
from kinfolk.cli.distill import distill
from kinfolk.cli.embed import embed
from kinfolk.cli.evaluate import evaluate
from kinfolk.cli.evaluate_encoder import evaluate_encoder
from kinfolk.cli.index import index
from kinfolk.cli.link import link
from kinfolk.cli.methods import methods
from kinfolk.cli.terminal import print_error
from kinfolk.cli.train import train
from kinfolk.errors import KinfolkError

INTERRUPTED = 130  # what a shell expects of a program stopped by Ctrl-C

_EXAMPLE = "kinfolk link left.csv right.csv -o links.csv --report report.html"
_HELP = {"cluster": "Group the records of one table that are the same thing: another name for dedupe."}
_BELOW = {
    "link": "Only the two tables and --output are needed: what the columns hold, how many partners a record may have and "
    f"the cut are found out. For example: {_EXAMPLE}"
}

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Learn what belongs together, then link it.",
    epilog=f"To begin: {_EXAMPLE}",
)
# In the order of the help. A command's file imports what it works with inside the function: the help stays quick.
for name, command in (
    ("link", link),
    ("dedupe", dedupe),
    ("cluster", dedupe),
    ("evaluate", evaluate),
    ("audit", audit),
    ("train", train),
    ("distill", distill),
    ("embed", embed),
    ("classify", classify),
    ("evaluate-encoder", evaluate_encoder),
    ("methods", methods),
    ("demo", demo),
):
    app.command(name, help=_HELP.get(name), epilog=_BELOW.get(name))(command)
app.add_typer(index, name="index")
app.add_typer(bench, name="bench")
app.add_typer(datasets, name="datasets")


def main() -> None:
    """Run the command line; errors made on purpose are one sentence and exit code 2, an interrupted run leaves with 130."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may hold bytes that are no text
    try:
        app()
    except KinfolkError as error:
        print_error(str(error))
        sys.exit(2)
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED:
            print_error(
                "Stopped. Nothing half-written is left; the same command goes on where it stopped (link and dedupe: with --run)."
            )
        raise


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
