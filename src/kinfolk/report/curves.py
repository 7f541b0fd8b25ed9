"""Precision against recall, promise against truth, and a figure with its interval."""

from __future__ import annotations

import pyarrow as pa

from kinfolk.evaluation.interval import Estimate, Interval
from kinfolk.report.markup import counted, percent, probability
from kinfolk.report.plots import WIDTH
from kinfolk.report.score_summary import CutCurve, thin
from kinfolk.report.svg import figure, label, line, path

_LEFT, _RIGHT, _TOP, _SIDE = 32, 10, 26, 176


def _unit_frame(horizontal: str, vertical: str) -> list[str]:
    """Axes from 0 to 1 with a quiet grid and the two titles."""
    parts = []
    span = WIDTH - _LEFT - _RIGHT
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = _LEFT + span * tick, _TOP + _SIDE * (1 - tick)
        parts += [
            line(x, _TOP, x, _TOP + _SIDE, "grid"),
            line(_LEFT, y, WIDTH - _RIGHT, y, "grid"),
            label(x, _TOP + _SIDE + 14, f"{tick:g}"),
            label(_LEFT - 6, y + 3, f"{tick:g}", anchor="end"),
        ]
    parts += [
        line(_LEFT, _TOP + _SIDE, WIDTH - _RIGHT, _TOP + _SIDE, "axis"),
        label(_LEFT + span / 2, _TOP + _SIDE + 30, horizontal, style="axis-title"),
        label(0, 10, vertical, anchor="start", style="axis-title"),
    ]
    return parts


def _point(x: float, y: float) -> tuple[float, float]:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * min(max(x, 0.0), 1.0), _TOP + _SIDE * (1 - min(max(y, 0.0), 1.0))


def curve_plot(curve: CutCurve, estimate: Estimate, *, name: str = "precision-recall") -> str:
    """Expected precision by expected recall over every possible cut, and the chosen point with its intervals."""
    parts = _unit_frame("recall →", "↑ precision")
    chosen = [(float(curve.recall[i]), float(curve.precision[i])) for i in thin(curve, 120)]
    parts.append(path([_point(*p) for p in chosen], "curve"))
    x, y = _point(estimate.recall.value, estimate.precision.value)
    (low_x, _), (high_x, _) = _point(estimate.recall.low, 0), _point(estimate.recall.high, 0)
    (_, low_y), (_, high_y) = _point(0, estimate.precision.low), _point(0, estimate.precision.high)
    parts += [
        line(low_x, y, high_x, y, "whisker"),
        line(x, low_y, x, high_y, "whisker"),
        f'<circle class="chosen" cx="{x:.2f}" cy="{y:.2f}" r="5"/>',
        label(
            x + (9 if x < WIDTH / 2 else -9),
            y + (18 if y < _TOP + _SIDE / 2 else -10),
            "this result",
            anchor="start" if x < WIDTH / 2 else "end",
            style="tick strong",
        ),
    ]
    description = (
        f"At the chosen cut, precision {percent(estimate.precision.value)} and recall {percent(estimate.recall.value)} "
        "are expected; the line shows what other cuts would give."
    )
    return figure(name, "Expected precision and recall", description, WIDTH, _TOP + _SIDE + 38, parts)


def reliability_plot(table: pa.Table, *, name: str = "calibration") -> str:
    """True share of matches by the probability that was given; on the diagonal, promises are kept.

    Args:
        table: what ``kinfolk.evaluation.reliability`` returns.
        name: unique on the page.
    """
    parts = _unit_frame("probability given →", "↑ share that is true")
    parts.append(path([_point(0, 0), _point(1, 1)], "diagonal"))
    rows = table.to_pylist()
    largest = max((row["count"] for row in rows), default=1)
    for row in rows:
        x, y = _point(row["mean_probability"], row["observed"])
        promise, truth = probability(row["mean_probability"]), percent(row["observed"])
        tip = f"{counted(row['count'], 'pair')}: given {promise}, true {truth}"
        radius = 3 + 5 * (row["count"] / largest) ** 0.5
        parts += [
            line(x, _point(0, row["low"])[1], x, _point(0, row["high"])[1], "whisker"),
            f'<circle class="chosen" cx="{x:.2f}" cy="{y:.2f}" r="{radius:.2f}"><title>{tip}</title></circle>',
        ]
    said = (f"given {probability(row['mean_probability'])}, true {percent(row['observed'])}" for row in rows)
    title = "Probability given and share that is true"
    return figure(name, title, "; ".join(said), WIDTH, _TOP + _SIDE + 38, parts)


def interval_mark(interval: Interval, *, name: str, title: str) -> str:
    """A share on a line that ends at 1: the value as a dot, its 95 % interval as a thick stroke.

    The line begins at 0, or at 0.5 or 0.8 if all of the interval lies above, so that narrow intervals can be seen.
    """
    width = 200
    start = next((s for s in (0.8, 0.5) if min(interval.low, interval.value) >= s), 0.0)

    def x_of(share: float) -> float:
        return 6 + (width - 12) * (min(max(share, start), 1.0) - start) / (1 - start)

    parts = [
        line(6, 8, width - 6, 8, "scale"),
        label(2, 25, f"{start:g}", anchor="start"),
        label(width - 2, 25, "1", anchor="end"),
        line(x_of(interval.low), 8, max(x_of(interval.high), x_of(interval.low) + 1), 8, "range"),
        f'<circle class="dot" cx="{x_of(interval.value):.2f}" cy="8" r="4.5"/>',
    ]
    description = f"{percent(interval.value)}, between {percent(interval.low)} and {percent(interval.high)}"
    return figure(name, title, description, width, 28, parts)
