"""``kinfolk audit``: judge a sample of pairs, in the terminal or in a file."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from kinfolk.cli.terminal import results

if TYPE_CHECKING:
    from kinfolk.linking.audit.entry import Audit
    from kinfolk.linking.clusters import Clusters
    from kinfolk.linking.links import Links


def audit(
    run: Annotated[Path, typer.Argument(help="The run folder of kinfolk link, dedupe or cluster.")],
    n: Annotated[int, typer.Option("-n", help="How many pairs to judge.")] = 60,
    seed: Annotated[int, typer.Option(help="Of the draw.")] = 0,
    file: Annotated[Path | None, typer.Option(help="Pairs and answers; default: audit.csv in the run folder.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the links or groups by the recalibrated probability here."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON; asks nothing.")] = False,
    quiet: Annotated[bool, typer.Option(help="Print nothing but errors; asks nothing.")] = False,
) -> None:
    """Judge a sample of pairs: precision, recall and F1 from your answers, and a better cut."""
    import kinfolk
    from kinfolk.data import write_table
    from kinfolk.data.atomic import check_table_place

    if output is not None:
        check_table_place(output, inputs=(file,))
    done = kinfolk.audit(run, n, seed=seed, file=file)
    if sys.stdin.isatty() and not as_json and not quiet and None in done.answers:
        from kinfolk.app.terminal import review

        console = Console(highlight=False)
        done = review(done, console, lambda prompt: console.input(prompt, markup=False))
    if output is not None:
        write_table(done.relinked.to_arrow(), output)
    if as_json:
        typer.echo(json.dumps({**_summary(done), "output": None if output is None else str(output)}))
    elif not quiet:
        _print(done, output)


def _num_pairs(result: Links | Clusters) -> int:
    """How many pairs of records the result says are the same thing."""
    from kinfolk.linking.links import Links

    return len(result) if isinstance(result, Links) else result.num_pairs


def _summary(done: Audit) -> dict[str, object]:
    return {
        "file": str(done.file),
        "pairs": len(done.answers),
        "judged": sum(answer is not None for answer in done.answers),
        "estimate": None if done.estimate is None else asdict(done.estimate),
        "links": _num_pairs(done.result),
        "threshold": done.links.threshold,
        "better_threshold": done.threshold,
        "better_links": _num_pairs(done.relinked),
    }


def _print(done: Audit, output: Path | None) -> None:
    console = results(markup=False)
    num_judged = sum(answer is not None for answer in done.answers)
    console.print(f"{num_judged} of {len(done.answers)} pairs judged, kept in {done.file}")
    if num_judged < len(done.answers):
        console.print("To go on: fill in its column match with yes or no, or type the same command in a terminal.")
    if done.estimate is None:
        console.print("No estimate yet: at least one pair of the result and one other must be judged.")
    else:
        figures = done.estimate
        console.print(
            f"From your answers: precision {figures.precision}, recall {figures.recall} of the matches among the "
            f"candidates, F1 {figures.f1}"
        )
        console.print(
            f"Cut: {done.links.threshold:.3f} now ({_num_pairs(done.result):,} pairs); "
            f"by your answers {done.threshold:.3f} has the highest expected F1 ({_num_pairs(done.relinked):,} pairs)"
        )
    if output is not None:
        console.print(f"By the recalibrated probability: {output}")
