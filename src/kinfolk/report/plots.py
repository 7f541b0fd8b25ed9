"""Bar plots: the scores of the candidate pairs, and counts by a whole number (candidates, cluster sizes)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kinfolk.report.markup import count, counted, probability
from kinfolk.report.score_summary import LOGIT_LIMIT, ScoreHistogram, logit
from kinfolk.report.svg import figure, label, line, rect, short_count

WIDTH = 360
_LEFT, _RIGHT, _TOP = 34, 8, 18
_PROBABILITY_TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)


def log_height(number: int, most: int, full: float) -> float:
    """Height of a bar on a scale of log10(1 + count): zero for none, ``full`` for ``most``."""
    return full * math.log10(1 + number) / math.log10(1 + most) if most > 0 else 0.0


def score_plot(histogram: ScoreHistogram, cut: float, *, name: str = "scores") -> str:
    """Candidate pairs by probability: links above the line, the others below it, both on one logarithmic scale."""
    half, height = 88, 240
    axis = _TOP + half
    most = int(max(histogram.linked.max(initial=0), histogram.other.max(initial=0), 1))
    span = WIDTH - _LEFT - _RIGHT

    def x_of(position: float) -> float:
        return _LEFT + span * (position + LOGIT_LIMIT) / (2 * LOGIT_LIMIT)

    parts = []
    for power in range(int(math.log10(most)) + 1):
        rise = log_height(10**power, most, half)
        for y in (axis - rise, axis + rise):
            parts += [
                line(_LEFT, y, WIDTH - _RIGHT, y, "grid"),
                label(_LEFT - 5, y + 3, short_count(10**power), anchor="end"),
            ]
    chances = 1 / (1 + np.exp(-histogram.edges))
    for i, (linked, other) in enumerate(zip(histogram.linked.tolist(), histogram.other.tolist(), strict=True)):
        x = x_of(float(histogram.edges[i])) + 0.4
        width = span / len(histogram.linked) - 0.8
        between = f"probability {probability(float(chances[i]))} to {probability(float(chances[i + 1]))}"
        if linked:
            rise = log_height(linked, most, half)
            parts.append(
                rect(
                    x, axis - rise, width, rise, "bar-link", tip=f"{count(linked)} linked, {between}", data=str(linked)
                )
            )
        if other:
            drop = log_height(other, most, half)
            parts.append(
                rect(x, axis, width, drop, "bar-other", tip=f"{count(other)} not linked, {between}", data=str(other))
            )
    parts.append(line(_LEFT, axis, WIDTH - _RIGHT, axis, "axis"))
    for tick in _PROBABILITY_TICKS:
        x = x_of(math.log(tick / (1 - tick)))
        parts += [line(x, axis + half, x, axis + half + 4, "axis"), label(x, axis + half + 15, f"{tick:g}")]
    x = x_of(float(logit(np.array([cut]))[0]))
    side = "end" if x > WIDTH - 80 else "start"
    parts += [
        line(x, _TOP - 8, x, axis + half, "cut"),
        label(
            x + (4 if side == "start" else -4), _TOP - 4, f"cut {probability(cut)}", anchor=side, style="tick strong"
        ),
        label(_LEFT + 4, _TOP + 8, "linked", anchor="start", style="tick link-text"),
        label(WIDTH - _RIGHT - 4, axis + half - 5, "not linked", anchor="end", style="tick"),
        label(_LEFT + span / 2, height - 4, "probability of a match (scale of log-odds)", style="axis-title"),
    ]
    linked_total, other_total = int(histogram.linked.sum()), int(histogram.other.sum())
    description = (
        f"{counted(linked_total, 'linked pair')} and {counted(other_total, 'candidate')} not linked, "
        f"by probability; the cut is at {probability(cut)}. Counts are drawn on a logarithmic scale."
    )
    return figure(name, "How the candidate pairs score", description, WIDTH, height, parts)


def count_groups(counts: Sequence[int], *, most_bars: int = 12) -> list[tuple[str, int]]:
    """Counts by whole number, grouped so that few bars remain: 0, 1, 2, 3–4, 5–8, 9–16 and so on.

    Args:
        counts: entry k is how many things have the number k.
        most_bars: how many single numbers are shown before grouping starts.
    """
    if len(counts) <= most_bars:
        return [(str(k), int(n)) for k, n in enumerate(counts)]
    groups = [(str(k), int(counts[k])) for k in range(3)]
    low = 3
    while low < len(counts):
        high = min(2 ** math.ceil(math.log2(low + 1)), len(counts) - 1) if low > 3 else 4
        high = max(low, min(high, len(counts) - 1))
        groups.append((f"{low}–{high}" if high > low else str(low), int(sum(counts[low : high + 1]))))
        low = high + 1
    return groups


def count_plot(groups: Sequence[tuple[str, int]], *, name: str, title: str, things: str, axis_title: str) -> str:
    """One bar a group on a linear scale, its number on top."""
    height, floor = 190, 150
    full = floor - _TOP
    most = max((n for _, n in groups), default=0) or 1
    step = (WIDTH - 2 * _RIGHT) / max(len(groups), 1)
    width = min(step - 4, 46)
    parts = [line(_RIGHT, floor, WIDTH - _RIGHT, floor, "axis")]
    for i, (group, number) in enumerate(groups):
        center = _RIGHT + step * (i + 0.5)
        rise = full * number / most
        tip = f"{count(number)} {things}: {group}"
        parts += [
            rect(center - width / 2, floor - rise, width, rise, "bar-plain", tip=tip, data=str(number)),
            label(center, floor - rise - 4, count(number) if number < 10_000 else short_count(number)),
            label(center, floor + 13, group),
        ]
    parts.append(label(WIDTH / 2, height - 6, axis_title, style="axis-title"))
    description = "; ".join(f"{group}: {count(number)}" for group, number in groups)
    return figure(name, title, f"{things.capitalize()} by {axis_title}: {description}.", WIDTH, height, parts)
