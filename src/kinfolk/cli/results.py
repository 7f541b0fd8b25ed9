"""What a command leaves behind: checked before the work, and told about after it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from kinfolk.cli.terminal import results
from kinfolk.errors import ConfigurationError

if TYPE_CHECKING:
    from kinfolk.data import Records
    from kinfolk.linking.clusters import Clusters
    from kinfolk.linking.links import Links


def check_places(output: Path, report: Path | None, inputs: Sequence[object]) -> None:
    """Raise before any work what writing the results would raise after it.

    Args:
        output: the table that will be written.
        report: the HTML file that will be written, or None.
        inputs: sources that will be read, which no result may overwrite.

    Raises:
        ConfigurationError: the name of the table has no known ending, or a result would overwrite something.
        DataError: a place cannot be written to.
    """
    from kinfolk.data.atomic import check_place, check_table_place

    check_table_place(output, inputs=inputs)
    if report is not None:
        check_place(report, inputs=inputs)
        if report.absolute() == output.absolute():
            raise ConfigurationError(f"--output and --report both name {output}. Give them different names.")


def summary(result: Links | Clusters, output: Path, tables: Mapping[str, Records], **counts: int | str) -> str:
    """What ``--json`` prints of a result.

    Args:
        result: what was found.
        output: where it was written.
        tables: what was read, by what it was read as.
        counts: what only this kind of result has, put first.
    """
    return json.dumps(
        {
            **counts,
            "candidates": result.scores.num_rows,
            "roles": {name: dict(table.roles) for name, table in tables.items()},
            "threshold": result.threshold,
            "estimate": asdict(result.estimate),
            "stages": [asdict(stage) for stage in result.stages],
            "notes": list(result.notes),
            "output": str(output),
        },
        default=str,
    )


def print_result(headline: str, result: Links | Clusters, output: Path, report: Path | None) -> None:
    """Say what was found, how good it is thought to be, and where the result lies.

    Args:
        headline: what was found, in rich markup.
        result: the links or the groups.
        output: where the result was written.
        report: where the report was written, or None.
    """
    from kinfolk.linking.estimate import CAVEAT

    console = results()
    console.print(f"{headline} → {escape(str(output))}")
    estimate = result.estimate
    kept = estimate.candidate_recall
    matches = "of the matches among the candidates" if kept is None else "of all matches"
    console.print(
        f"Estimated without truth: precision {estimate.precision}, recall {estimate.recall} {matches}, F1 {estimate.f1}"
    )
    console.print(
        "How many matches are no candidates cannot be estimated."
        if kept is None
        else f"Of all matches, {kept} are candidates; matches that have nothing in common are not counted."
    )
    console.print(CAVEAT)
    for note in result.notes:
        console.print(f"Note: {escape(note)}")
    if report is not None:
        console.print(f"Report: {escape(str(report))}")
