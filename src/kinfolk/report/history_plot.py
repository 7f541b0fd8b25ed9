"""A measure over the epochs of a training as a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kinfolk.report.plots import WIDTH
from kinfolk.report.svg import figure, label, line, path, rect

_LEFT, _RIGHT, _TOP, _SIDE = 40, 14, 16, 130
_MOST_DOTS = 60
_STUB = 20


@dataclass(frozen=True)
class Series:
    """A line of a plot.

    Attributes:
        name: in words.
        points: epoch and value; epochs without a value are left out.
        style: class of the line in the style sheet.
    """

    name: str
    points: tuple[tuple[int, float], ...]
    style: str = "curve"


def history_plot(
    lines: Sequence[Series], *, epochs: int, warned: Sequence[int] = (), name: str, title: str, zero: bool = False
) -> str:
    """Lines over the epochs, with the last value of the first one in figures; epochs with a warning are shaded.

    Args:
        lines: at least one, with at least one point each.
        epochs: on the axis, from 1.
        warned: epochs with a warning.
        name: unique on the page.
        title: of the plot.
        zero: whether the scale begins at 0.
    """
    values = [value for series in lines for _, value in series.points]
    ticks = round_ticks(min(*values, 0.0) if zero else min(values), max(values))
    low, high = ticks[0], ticks[-1]

    def x_of(epoch: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * ((epoch - 1) / (epochs - 1) if epochs > 1 else 0.5)

    def y_of(value: float) -> float:
        return _TOP + _SIDE * (high - value) / (high - low)

    half = (WIDTH - _LEFT - _RIGHT) / max(epochs - 1, 1) / 2
    parts = []
    for epoch in warned:
        left, right = max(x_of(epoch) - half, _LEFT), min(x_of(epoch) + half, WIDTH - _RIGHT)
        parts.append(rect(left, _TOP, right - left, _SIDE, "warned"))
    for tick in ticks:
        parts += [
            line(_LEFT, y_of(tick), WIDTH - _RIGHT, y_of(tick), "grid"),
            label(_LEFT - 5, y_of(tick) + 3, _tick_text(tick, ticks[1] - ticks[0]), anchor="end"),
        ]
    floor = _TOP + _SIDE
    parts.append(line(_LEFT, floor, WIDTH - _RIGHT, floor, "axis"))
    for tick in _epoch_ticks(epochs):
        parts += [line(x_of(tick), floor, x_of(tick), floor + 4, "axis"), label(x_of(tick), floor + 15, str(tick))]
    parts.append(label(_LEFT + (WIDTH - _LEFT - _RIGHT) / 2, floor + 30, "epoch", style="axis-title"))
    for series in reversed(lines):
        places = [(x_of(epoch), y_of(value)) for epoch, value in series.points]
        if len(places) == 1:  # a line of one point would not be seen
            (x, y) = places[0]
            places = [(x - _STUB, y), (x + _STUB, y)]
        parts.append(path(places, series.style))
        parts += [
            f'<circle class="{series.style} touch" cx="{x_of(epoch):.2f}" cy="{y_of(value):.2f}" r="4">'
            f"<title>{series.name}, epoch {epoch}: {figure_text(value)}</title></circle>"
            for epoch, value in _thinned(series.points)
        ]
    epoch, value = lines[0].points[-1]
    parts += [
        f'<circle class="chosen" cx="{x_of(epoch):.2f}" cy="{y_of(value):.2f}" r="4"/>',
        label(
            min(x_of(epoch) + 4, WIDTH - _RIGHT + 4),
            y_of(value) - 9,
            figure_text(value),
            anchor="end",
            style="tick strong",
        ),
    ]
    description = "; ".join(
        f"{series.name}: {figure_text(series.points[0][1])} after epoch {series.points[0][0]}, "
        f"{figure_text(series.points[-1][1])} after epoch {series.points[-1][0]}"
        for series in lines
    )
    return figure(name, title, description, WIDTH, floor + 36, parts)


def round_ticks(low: float, high: float, *, most: int = 5) -> list[float]:
    """Round numbers at equal steps of 1, 2 or 5 times a power of ten, the first at or below ``low``, the last not below ``high``.

    Args:
        low, high: finite; where they are equal, the ticks lie around them.
        most: steps there may be, at least 2.
    """
    span = high - low
    if span <= abs(high) * 1e-9:
        span = abs(high) or 1.0
        low, high = low - span / 2, high + span / 2
    size = 10.0 ** math.floor(math.log10(span / most))
    for factor in (1, 2, 5, 10, 20):
        step = size * factor
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first <= most:
            break
    return [number * step for number in range(first, last + 1)]


def figure_text(value: float) -> str:
    """A figure in three digits that count, with a true minus."""
    digits = (
        0 if abs(value) >= 100 or value == round(value) else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    )
    text = f"{value:,.{digits}f}" if abs(value) >= 0.001 or value == 0 else f"{value:.0e}"
    return text.replace("-", "\u2212")


def _tick_text(tick: float, step: float) -> str:
    """A tick in as many decimals as its step has."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{tick:,.{decimals}f}".replace("-", "\u2212")


def _epoch_ticks(epochs: int) -> list[int]:
    """The first and the last epoch, and a few round ones that stay clear of both."""
    step = max(1, round(round_ticks(0, epochs)[1]))
    between = [tick for tick in range(step, epochs, step) if tick - 1 > step / 3 and epochs - tick > step / 3]
    return [1, *between, epochs] if epochs > 1 else [1]


def _thinned(points: Sequence[tuple[int, float]]) -> Sequence[tuple[int, float]]:
    """At most ``_MOST_DOTS`` of the points, the last one among them."""
    step = -(-len(points) // _MOST_DOTS)
    return points[::-1][::step][::-1]
