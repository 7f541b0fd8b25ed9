"""Evidence drawn: the steps from the prior to the probability of a pair, and what each comparison says over all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kinfolk.linking.explanation import Explanation
from kinfolk.report.markup import NEARLY_NOTHING, escape, odds_factor, shorten, signed
from kinfolk.report.plots import WIDTH
from kinfolk.report.score_summary import EvidenceSpread
from kinfolk.report.svg import figure, label, line, rect


@dataclass(frozen=True)
class Scale:
    """Maps log-odds to a share of the width, in percent."""

    low: float
    high: float

    def percent(self, log_odds: float) -> float:
        """Where a sum of evidence lies, in percent of the width; sums beyond the scale lie at its ends."""
        return 100 * (min(max(log_odds, self.low), self.high) - self.low) / (self.high - self.low)


def running_totals(prior: float, log_odds: Sequence[float]) -> list[float]:
    """The log-odds before the first step and after each one; steps that are not numbers add nothing."""
    totals = [prior if math.isfinite(prior) else 0.0]
    for step in log_odds:
        totals.append(totals[-1] + (step if math.isfinite(step) else 0.0))
    return totals


def scale_of(explanations: Sequence[Explanation]) -> Scale:
    """One scale for pairs that are shown together: every running total fits, and even odds (0) are on it."""
    totals = [
        total for e in explanations for total in running_totals(e.prior, [c.log_odds for c in e.contributions])
    ] or [0.0]
    low, high = min(*totals, -1.0), max(*totals, 1.0)
    margin = 0.04 * (high - low)
    return Scale(low - margin, high + margin)


def step_mark(before: float, after: float, scale: Scale) -> str:
    """One step of a waterfall in a table cell of any size: the bar from one total to the next, and even odds."""
    start, end, even = scale.percent(before), scale.percent(after), scale.percent(0.0)
    style = "step-none" if abs(after - before) < NEARLY_NOTHING else "step-for" if after > before else "step-against"
    left, width = min(start, end), max(abs(end - start), 0.8)
    return (
        '<svg class="step" aria-hidden="true">'
        f'<line class="even" x1="{even:.2f}%" x2="{even:.2f}%" y1="0" y2="100%"/>'
        f'<line class="joint" x1="{start:.2f}%" x2="{start:.2f}%" y1="0" y2="16"/>'
        f'<line class="joint" x1="{end:.2f}%" x2="{end:.2f}%" y1="16" y2="100%"/>'
        f'<rect class="{style}" x="{left:.2f}%" y="10" width="{width:.2f}%" height="12"/></svg>'
    )


def total_mark(total: float, scale: Scale) -> str:
    """Where the sum of all evidence ends, seen from even odds."""
    end, even = scale.percent(total), scale.percent(0.0)
    left, width = min(end, even), max(abs(end - even), 0.8)
    style = "total-for" if total >= 0 else "total-against"
    return (
        '<svg class="step" aria-hidden="true">'
        f'<line class="even" x1="{even:.2f}%" x2="{even:.2f}%" y1="0" y2="100%"/>'
        f'<line class="joint" x1="{end:.2f}%" x2="{end:.2f}%" y1="0" y2="16"/>'
        f'<rect class="{style}" x="{left:.2f}%" y="10" width="{width:.2f}%" height="12"/></svg>'
    )


def evidence_plot(spreads: Sequence[EvidenceSpread], *, name: str = "evidence") -> str:
    """What each comparison says of links and of others: the middle nine tenths as a stroke, the median as a dot."""
    row, left, top = 30, 104, 8
    values = [v for s in spreads for triple in (s.linked, s.other) if triple for v in triple] or [0.0]
    low, high = min(*values, -1.0), max(*values, 1.0)
    span = WIDTH - left - 10

    def x_of(value: float) -> float:
        return left + span * (value - low) / (high - low)

    floor = top + row * len(spreads)
    parts = [line(x_of(0), top, x_of(0), floor, "axis")]
    for i, spread in enumerate(spreads):
        y = top + row * i + row / 2
        text, cut = shorten(spread.label, 14)
        parts.append(label(left - 8, y + 4, text + ("…" if cut else ""), anchor="end", style="row-name"))
        for triple, style, shift in ((spread.linked, "link", -4), (spread.other, "other", 4)):
            if triple is None:
                continue
            x1, x, x2 = (x_of(v) for v in triple)
            who = "links" if style == "link" else "other candidates"
            tip = f"{spread.label}, {who}: median {signed(triple[1])} ({odds_factor(triple[1])})"
            parts += [
                rect(x1, y + shift - 2, max(x2 - x1, 1), 4, f"spread-{style}", tip=tip),
                f'<circle class="spread-{style}-dot" cx="{x:.2f}" cy="{y + shift:.2f}" r="4"><title>{escape(tip)}'
                "</title></circle>",
            ]
    step = next((s for s in (1, 2, 5, 10, 20, 50, 100) if (high - low) / s <= 7), 200)
    for tick in range(math.ceil(low / step) * step, math.floor(high) + 1, step):
        parts += [
            line(x_of(tick), floor, x_of(tick), floor + 4, "axis"),
            label(x_of(tick), floor + 15, signed(tick).removesuffix(".0")),
        ]
    parts.append(label(left + span / 2, floor + 30, "log-odds: ← against a match · for a match →", style="axis-title"))
    description = "; ".join(
        f"{s.label}: links {signed(s.linked[1]) if s.linked else 'none'}, "
        f"others {signed(s.other[1]) if s.other else 'none'}"
        for s in spreads
    )
    return figure(name, "What each comparison says, median log-odds", description, WIDTH, floor + 38, parts)
