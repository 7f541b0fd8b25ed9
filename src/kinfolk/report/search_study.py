"""The pictures of a filtered-search study: who is fastest where, and recall against throughput, each an SVG file of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kinfolk.data.atomic import atomic_write
from kinfolk.report.markup import escape
from kinfolk.report.svg import label, line, path, picture, rect, short_count
from kinfolk.search.study.timing import MODES, Mode
from kinfolk.search.study.winners import WORDS, standings, summary

_COLORS = (
    "#b91c1c", "#c2410c", "#4b5563", "#0369a1", "#2563eb", "#1e3a8a", "#047857", "#7c3aed", "#be185d", "#854d0e", "#0f766e",
)  # fmt: skip
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1f2937}.title{font-size:15px;font-weight:600}.strong{font-weight:600}"
    ".small{font-size:10px}.grid{stroke:#e5e7eb}.axis{stroke:#6b7280}.none{fill:#f3f4f6}.light{fill:#fff}"
    "path{fill:none;stroke-width:1.8}"
)
_WIDTH, _ROW, _SIDE = 92, 38, 110  # of a field of the map, and of the names of its rows
_PANEL_WIDTH, _PANEL_HEIGHT, _COLUMNS = 230, 170, 5
_LEAST_RECALL = 0.5  # where the axis begins; what finds less is drawn at its edge


def winner_map(results: Mapping[str, Any]) -> str:
    """The fastest engine by kind of filter and share that passes, for each way that queries come.

    A field has the engine's name and how many times as fast as the best engine of another package it is, in queries a second of CPU time
    at the recall asked for.

    Args:
        results: of ``run_study``.
    """
    cells = results["cells"]
    shares = sorted({facts["share"] for facts in cells.values() if facts["share"]})
    rows = list(dict.fromkeys(facts["row"] for facts in cells.values() if facts["share"]))
    places = {(facts["row"], facts["share"]): name for name, facts in cells.items()}
    colors = _styles(results)
    block = 60 + _ROW * len(rows)
    width = _SIDE + _WIDTH * len(shares) + 20
    parts = [label(12, 24, f"Fastest at recall {results['about']['recall']:g}", anchor="start", style="title")]
    said = []
    for number, mode in enumerate(MODES):
        top = 40 + number * block
        parts.append(label(12, top + 16, WORDS[mode], anchor="start", style="strong"))
        parts += [
            label(_SIDE + _WIDTH * (column + 0.5), top + 34, f"{100 * share:g} %")
            for column, share in enumerate(shares)
        ]
        for line_number, row in enumerate(rows):
            y = top + 42 + _ROW * line_number
            parts.append(label(_SIDE - 8, y + _ROW / 2 + 4, row, anchor="end"))
            for column, share in enumerate(shares):
                name = places.get((row, share))
                if name is not None:
                    drawn, sentence = _field(results, name, mode, _SIDE + _WIDTH * column, y, colors)
                    parts += drawn
                    said.append(sentence)
    height = 40 + block * len(MODES)
    rules = _STYLE + "".join(f".{style}{{fill:{color}}}" for style, color in colors.values())
    return picture("Fastest engine by filter and share that passes", "; ".join(said), width, height, rules, parts)


def _field(
    results: Mapping[str, Any], cell: str, mode: Mode, x: float, y: float, colors: Mapping[str, tuple[str, str]]
) -> tuple[list[str], str]:
    ranked = standings(results, cell, mode)
    first = ranked[0]
    second = next((other for other in ranked if _package(other.engine) != _package(first.engine)), None)
    if first.qps is None:
        drawn = [
            rect(x + 1, y + 1, _WIDTH - 2, _ROW - 2, "none"),
            label(x + _WIDTH / 2, y + 22, "none", style="small"),
        ]
        return drawn, f"{cell}, {mode}: none reaches the recall"
    times = f"{first.qps / second.qps:.1f} ×" if second is not None and second.qps else "alone"
    tip = f"{cell}: {first.engine}, {first.qps:,.0f} queries a second of CPU time, recall {first.recall:.3f}"
    drawn = [
        rect(x + 1, y + 1, _WIDTH - 2, _ROW - 2, colors[first.engine][0], tip=tip),
        label(x + _WIDTH / 2, y + 16, first.engine, style="light"),
        label(x + _WIDTH / 2, y + 30, times, style="light small"),
    ]
    return drawn, f"{cell}, {mode}: {first.engine}, {times}"


def curves(results: Mapping[str, Any], mode: Mode = "one") -> str:
    """Recall against queries a second of CPU time, a panel a cell and a line an engine.

    Args:
        results: of ``run_study``.
        mode: how queries come; only one query a call has the whole curve.
    """
    colors = _styles(results)
    cells = list(results["cells"])
    rates = [
        1 / max(point["cpu"], 1e-9)
        for cell in cells
        for result in results["measured"][cell].values()
        for point in result.get(mode, ())
    ]
    low = math.floor(math.log10(min(rates, default=1)))
    high = max(math.ceil(math.log10(max(rates, default=10))), low + 1)
    columns = min(_COLUMNS, len(cells))
    top = 64
    parts = [label(12, 24, f"Recall and queries a second of CPU time, {WORDS[mode]}", anchor="start", style="title")]
    for number, (engine, (style, _)) in enumerate(colors.items()):
        x = 12 + 118 * number
        parts += [rect(x, 38, 11, 11, f"fill-{style}"), label(x + 16, 48, engine, anchor="start", style="small")]
    for number, cell in enumerate(cells):
        x, y = (number % columns) * _PANEL_WIDTH, top + (number // columns) * _PANEL_HEIGHT
        parts += _panel(results, cell, mode, x, y, (low, high), colors)
    width = max(columns * _PANEL_WIDTH, 24 + 118 * len(colors))
    height = top + math.ceil(len(cells) / columns) * _PANEL_HEIGHT + 10
    rules = _STYLE + "".join(
        f".{style}{{stroke:{color}}}.fill-{style}{{fill:{color}}}" for style, color in colors.values()
    )
    said = f"{len(cells)} cells, {len(colors)} engines; the figures are in results.json and summary.md."
    return picture("Recall and throughput by cell", said, width, height, rules, parts)


def _panel(
    results: Mapping[str, Any],
    cell: str,
    mode: Mode,
    x: float,
    y: float,
    powers: tuple[int, int],
    colors: Mapping[str, tuple[str, str]],
) -> list[str]:
    left, right, top, bottom = x + 40, x + _PANEL_WIDTH - 12, y + 22, y + _PANEL_HEIGHT - 28

    def place(recall: float, rate: float) -> tuple[float, float]:
        across = (max(recall, _LEAST_RECALL) - _LEAST_RECALL) / (1 - _LEAST_RECALL)
        up = (math.log10(rate) - powers[0]) / (powers[1] - powers[0])
        return left + (right - left) * across, bottom - (bottom - top) * up

    passing = results["cells"][cell]["passing"]
    parts = [label(left, y + 14, f"{cell}, {100 * passing:.3g} % pass", anchor="start", style="strong")]
    for power in range(powers[0], powers[1] + 1):
        height = place(1.0, 10.0**power)[1]
        tick = short_count(10**power) if power >= 0 else f"{10.0**power:g}"
        parts += [line(left, height, right, height, "grid"), label(left - 5, height + 4, tick, anchor="end", style="small")]  # fmt: skip
    for recall in (0.5, 0.75, results["about"]["recall"], 1.0):
        across = place(recall, 10.0 ** powers[0])[0]
        parts += [line(across, top, across, bottom, "grid"), label(across, bottom + 14, f"{recall:g}", style="small")]
    parts.append(line(left, bottom, right, bottom, "axis"))
    for engine, result in results["measured"][cell].items():
        points = [place(point["recall"], 1 / max(point["cpu"], 1e-9)) for point in result.get(mode, ())]
        style = colors[engine][0]
        parts.append(path(points, style))
        parts += [_dot(points, style, engine)]
    return parts


def _dot(points: Sequence[tuple[float, float]], style: str, engine: str) -> str:
    return "".join(
        f'<circle class="fill-{style}" cx="{x:.1f}" cy="{y:.1f}" r="2.6"><title>{escape(engine)}</title></circle>'
        for x, y in points
    )


def _package(engine: str) -> str:
    """The first word of a name: faiss of faiss-hnsw."""
    return engine.partition("-")[0]


def _styles(results: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """A class and a color for each engine."""
    return {name: (f"e{number}", _COLORS[number % len(_COLORS)]) for number, name in enumerate(results["builds"])}


def write_study_report(results: Mapping[str, Any], folder: str | Path) -> Path:
    """Write ``summary.md`` and the two pictures beside it.

    Args:
        results: of ``run_study``.
        folder: where to.

    Returns:
        The path of the summary.

    Raises:
        DataError: a file cannot be written.
    """
    folder = Path(folder)
    for name, text in (
        ("winners.svg", winner_map(results)),
        ("curves.svg", curves(results)),
        ("summary.md", summary(results)),
    ):
        with atomic_write(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    return folder / "summary.md"
