"""Two small plots as SVG, without a plotting library: tools as dots on a scale, and growth on logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

COLORS = ("#dc2626", "#2563eb", "#059669", "#7c3aed", "#ca8a04", "#0891b2", "#4b5563", "#be185d")
STYLE = "<style>text{font:13px system-ui,sans-serif;fill:#1f2937}.t{font-weight:600}.g{stroke:#e5e7eb}</style>"


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    body = "\n".join(parts)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    back = f'<rect width="{width}" height="{height}" fill="#fff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{STYLE}{back}\n{body}\n</svg>\n'


def dots(rows: Sequence[tuple[str, Sequence[tuple[str, float, float]]]], title: str) -> str:
    """Tools as dots on a scale from 0 to 1, a band per row.

    Args:
        rows: for each band its name and its marks: tool, filled value, hollow value.
        title: a line above.
    """
    names = list(dict.fromkeys(name for _, marks in rows for name, _, _ in marks))
    left, right, top, lane = 130, 590, 56, 15
    parts = [f'<text class="t" x="12" y="24">{escape(title)}</text>']
    height = top + sum(len(marks) * lane + 18 for _, marks in rows) + 10
    for tick in range(0, 11, 2):
        x = left + (right - left) * tick / 10
        parts.append(f'<line class="g" x1="{x}" x2="{x}" y1="{top - 8}" y2="{height - 8}"/>')
        parts.append(f'<text x="{x}" y="{top - 14}" text-anchor="middle">{tick / 10:.1f}</text>')
    y = top + 8
    for band, marks in rows:
        parts.append(f'<text class="t" x="12" y="{y + 5}">{escape(band)}</text>')
        for name, filled, hollow in marks:
            color = COLORS[names.index(name) % len(COLORS)]
            a, b = (left + (right - left) * value for value in (filled, hollow))
            parts.append(f'<line x1="{a}" x2="{b}" y1="{y}" y2="{y}" stroke="{color}" stroke-width="2"/>')
            parts.append(f'<circle cx="{b}" cy="{y}" r="4.5" fill="#fff" stroke="{color}" stroke-width="2"/>')
            parts.append(f'<circle cx="{a}" cy="{y}" r="5" fill="{color}"/>')
            weight = ' class="t"' if name == "kinfolk" else ""
            parts.append(f'<text{weight} x="{right + 14}" y="{y + 4}" style="fill:{color}">{escape(name)}</text>')
            y += lane
        y += 18
    return _svg(790, height, parts)


def bars(rows: Sequence[tuple[str, float, float]], title: str) -> str:
    """Bars with their spread, one below the other.

    Args:
        rows: for each bar its name, its value and the deviation around it; values at least 0.
        title: a line above.
    """
    left, right, top, lane = 210, 620, 44, 26
    most = max(value + spread for _, value, spread in rows) or 1.0
    parts = [f'<text class="t" x="12" y="24">{escape(title)}</text>']
    for number, (name, value, spread) in enumerate(rows):
        y = top + number * lane
        ends = [left + (right - left) * x / most for x in (0.0, value, max(0.0, value - spread), value + spread)]
        parts.append(f'<text x="{left - 10}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="{ends[0]}" y="{y}" width="{ends[1] - ends[0]:.1f}" height="17" fill="{COLORS[1]}"/>')
        parts.append(
            f'<line x1="{ends[2]:.1f}" x2="{ends[3]:.1f}" y1="{y + 8.5}" y2="{y + 8.5}" stroke="#111827" stroke-width="2"/>'
        )
        parts.append(f'<text x="{ends[3] + 8:.1f}" y="{y + 13}">{value:.3f}</text>')
    return _svg(max(720, 12 + 8 * len(title)), top + len(rows) * lane + 12, parts)


def growth(series: Sequence[tuple[str, Sequence[tuple[float, float]]]], title: str, x_label: str) -> str:
    """Lines on two logarithmic axes.

    Args:
        series: for each line its name and its points; all values above 0.
        title: a line above.
        x_label: what the horizontal axis counts.
    """
    points = [point for _, line in series for point in line]
    low_x, high_x = (math.log10(f(x for x, _ in points)) for f in (min, max))
    low_y, high_y = (
        round_out(math.log10(f(y for _, y in points))) for f, round_out in ((min, math.floor), (max, math.ceil))
    )
    left, right, top, bottom = 70, 540, 50, 330

    def place(x: float, y: float) -> tuple[float, float]:
        across = (math.log10(x) - low_x) / max(high_x - low_x, 1e-9)
        up = (math.log10(y) - low_y) / max(high_y - low_y, 1e-9)
        return left + (right - left) * across, bottom - (bottom - top) * up

    parts = [f'<text class="t" x="12" y="24">{escape(title)}</text>']
    for power in range(low_y, high_y + 1):
        _, y = place(points[0][0], 10.0**power)
        parts.append(f'<line class="g" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{10.0**power:,g}</text>')
    for x in sorted({x for x, _ in points}):
        across, _ = place(x, points[0][1])
        parts.append(f'<text x="{across}" y="{bottom + 20}" text-anchor="middle">{x:,g}</text>')
    parts.append(f'<text x="{(left + right) / 2}" y="{bottom + 42}" text-anchor="middle">{escape(x_label)}</text>')
    for number, (name, line) in enumerate(series):
        color = COLORS[number % len(COLORS)]
        placed = [place(x, y) for x, y in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"/>' for x, y in placed]
        end_x, end_y = placed[-1]
        parts.append(f'<text x="{end_x + 10:.1f}" y="{end_y + 4:.1f}" style="fill:{color}">{escape(name)}</text>')
    return _svg(720, 390, parts)


def panels(
    drawn: Sequence[tuple[str, Mapping[str, Sequence[tuple[float, float]]]]], title: str, x_label: str, across: int = 3
) -> str:
    """Small plots of shares beside each other, with one key for all.

    Args:
        drawn: for each plot its name and its lines: name and points, the second coordinate in [0, 1], the same first ones in all.
        title: a line above.
        x_label: what the horizontal axes count.
        across: plots in a row.
    """
    names = list(dict.fromkeys(name for _, lines in drawn for name in lines))
    width, height, left, top = 190, 150, 50, 70
    parts = [f'<text class="t" x="12" y="24">{escape(title)}</text>']
    for number, (name, lines) in enumerate(drawn):
        x0, y0 = left + (number % across) * (width + 50), top + (number // across) * (height + 75)
        parts.append(f'<text class="t" x="{x0}" y="{y0 - 12}">{escape(name)}</text>')
        for tick in range(0, 5):
            y = y0 + height * (1 - tick / 4)
            parts.append(f'<line class="g" x1="{x0}" x2="{x0 + width}" y1="{y}" y2="{y}"/>')
            parts.append(f'<text x="{x0 - 6}" y="{y + 4}" text-anchor="end">{tick / 4:g}</text>')
        values = sorted({x for line in lines.values() for x, _ in line})
        place = {x: x0 + width * (at + 0.5) / len(values) for at, x in enumerate(values)}
        for x, at in place.items():
            parts.append(f'<text x="{at:.1f}" y="{y0 + height + 18}" text-anchor="middle">{x:g}</text>')
        parts.append(f'<text x="{x0 + width / 2}" y="{y0 + height + 36}" text-anchor="middle">{escape(x_label)}</text>')
        for series, line in lines.items():
            color = COLORS[names.index(series) % len(COLORS)]
            placed = [(place[x], y0 + height * (1 - y)) for x, y in line]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in placed]
    rows = -(-len(drawn) // across)
    right = left + across * (width + 50)
    for number, name in enumerate(names):
        color, y = COLORS[number % len(COLORS)], top + 10 + number * 20
        parts.append(f'<circle cx="{right}" cy="{y}" r="5" fill="{color}"/>')
        parts.append(f'<text x="{right + 12}" y="{y + 4}">{escape(name)}</text>')
    return _svg(right + 170, top + rows * (height + 75), parts)
