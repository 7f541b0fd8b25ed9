"""What a run of the study says: who is fastest at the recall that was asked for, in each cell and mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kinfolk.search.study.timing import MODES, Mode

WORDS: dict[Mode, str] = {
    "one": "one query at a time",
    "batch": "a batch, each query with its filter",
    "shared": "a batch that shares one filter",
}


@dataclass(frozen=True)
class Standing:
    """An engine in one cell and mode.

    Attributes:
        engine: its name.
        qps: queries a second of CPU time, at the smallest effort that reaches the recall; None where none does.
        wall_qps: queries a second by the clock, there.
        recall: reached there, or the highest that was reached; None where it failed.
        effort: there.
        failed: why there is no figure; empty where there is one.
    """

    engine: str
    qps: float | None
    wall_qps: float | None
    recall: float | None
    effort: float | None
    failed: str = ""


def standings(results: Mapping[str, Any], cell: str, mode: Mode) -> list[Standing]:
    """All engines in a cell, the fastest first, then those that never reach the recall.

    Args:
        results: of ``run_study``.
        cell: its name.
        mode: how queries come.
    """
    recall = results["about"]["recall"]
    found = [_standing(name, result, mode, recall) for name, result in results["measured"][cell].items()]
    found += [
        Standing(name, None, None, None, None, build["failed"])
        for name, build in results["builds"].items()
        if "failed" in build
    ]
    return sorted(found, key=lambda standing: (-(standing.qps or 0.0), -(standing.recall or 0.0), standing.engine))


def _standing(name: str, result: Mapping[str, Any], mode: Mode, recall: float) -> Standing:
    if "failed" in result:
        return Standing(name, None, None, None, None, result["failed"])
    points: Sequence[Mapping[str, Any]] = result[mode]
    enough = next((point for point in points if point["recall"] >= recall), None)
    if enough is None:
        best = max(points, key=lambda point: point["recall"])
        return Standing(name, None, None, best["recall"], best["effort"])
    return Standing(name, 1 / max(enough["cpu"], 1e-9), enough["qps"], enough["recall"], enough["effort"])


def summary(results: Mapping[str, Any]) -> str:
    """A run as text in Markdown: what was measured, what was built, and throughput by cell for each mode."""
    about, cells = results["about"], results["cells"]
    study = about["study"]
    jittered = study.get("jittered_vectors", 0)
    lines = [
        "# Filtered search",
        "",
        f"{about['rows']:,} rows of {about['dim']} numbers"
        + (f" ({jittered:,} of them repeated with noise: {study['jitter']})" if jittered else "")
        + f", {about['queries']} queries, k = {about['k']}, one core ({about['machine']}). Throughput is in queries a second of CPU "
        f"time, the filter included, at the smallest effort with a recall of at least {about['recall']:g}; in brackets the best recall "
        "of an engine that never reaches it. `results.json` has the clock's time, too.",
        "",
        "![Who is fastest](winners.svg)",
        "",
        "![Recall and throughput](curves.svg)",
        "",
        "## Builds",
        "",
        "| engine | what | CPU seconds | bytes a row |",
        "| --- | --- | ---: | ---: |",
    ]
    for name, build in results["builds"].items():
        figures = (
            f"not run: {_cell(build['failed'])} | |"
            if "failed" in build
            else f"{build['cpu_seconds']:,.1f} | {build['bytes_a_row']:,.0f} |"
        )
        lines.append(f"| {name} | {_cell(build['about'])} | {figures}")
    names = list(results["builds"])
    for mode in MODES:
        lines += ["", f"## {WORDS[mode].capitalize()}", "", f"| cell | passing | lift | {' | '.join(names)} |"]
        lines.append("| --- | ---: | ---: |" + " ---: |" * len(names))
        for cell, facts in cells.items():
            by_name = {standing.engine: standing for standing in standings(results, cell, mode)}
            fastest = standings(results, cell, mode)[0].engine
            lift = "" if facts["lift"] is None else f"{facts['lift']:.2g}"
            shown = [_figure(by_name[name], fastest=name == fastest) for name in names]
            lines.append(f"| {cell} | {100 * facts['passing']:.3g} % | {lift} | {' | '.join(shown)} |")
    lines += ["", "## Cells", ""]
    lines += [f"- `{cell}`: {facts['row']}; {facts['about']}." for cell, facts in cells.items()]
    return "\n".join(lines) + "\n"


def _figure(standing: Standing, *, fastest: bool) -> str:
    if standing.qps is not None:
        return f"**{standing.qps:,.0f}**" if fastest else f"{standing.qps:,.0f}"
    return "failed" if standing.failed else f"({standing.recall:.2f})"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")
