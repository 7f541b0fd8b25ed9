"""Text that is safe inside HTML: escaping, shortening, and numbers as people write them."""

from __future__ import annotations

import html
import math

from kinfolk.evaluation.interval import Interval

MISSING = '<span class="missing" title="missing">—</span>'

# A page cannot hold control characters; their pictures (U+2400 …) show that they are there. Tab and newline are text.
_CONTROL_PICTURES = {code: chr(0x2400 + code) for code in range(32) if code not in (9, 10, 13)} | {
    127: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), "\ufffd"),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}


def escape(value: object) -> str:
    """Any value as text that can stand between tags or inside a quoted attribute."""
    return html.escape(printable(str(value)), quote=True)


def printable(text: str) -> str:
    """The text with control characters and broken surrogates replaced by something one can see."""
    return text.translate(_CONTROL_PICTURES)


def shorten(text: str, limit: int) -> tuple[str, int]:
    """The first ``limit`` characters, and how many were left out."""
    return (text, 0) if len(text) <= limit else (text[:limit], len(text) - limit)


def count(number: float) -> str:
    """A whole number with thousands separated: 12,345."""
    return f"{round(number):,}" if math.isfinite(number) else "unknown"


def counted(number: float, noun: str, plural: str | None = None) -> str:
    """A count and its noun in the right number: 1 link, 2 links."""
    return f"{count(number)} {noun if round(number) == 1 else plural or noun + 's'}"


def percent(share: float) -> str:
    """A share as percent; never rounds to 0 % or 100 % what is neither."""
    if not math.isfinite(share):
        return "unknown"
    if 0 < share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{100 * share:.1f} %" if share not in (0.0, 1.0) else f"{100 * share:.0f} %"


def probability(value: float) -> str:
    """A probability with as many digits as it carries: 0.53, 0.9987, >0.9999."""
    if not math.isfinite(value):
        return "unknown"
    if 0 < value < 0.0001:
        return "<0.0001"
    if 0.9999 < value < 1:
        return ">0.9999"
    if value in (0.0, 1.0):
        return f"{value:.0f}"
    return f"{value:.4f}" if value < 0.01 or value > 0.99 else f"{value:.2f}"


def signed(value: float) -> str:
    """Log-odds with a sign and one decimal, with a true minus; nothing is plain 0."""
    if not math.isfinite(value):
        return "unknown"
    return f"{value:+.1f}".replace("-", "\u2212") if abs(value) >= 0.05 else "0"


def odds_factor(log_odds: float) -> str:
    """What adding ``log_odds`` does to the odds: "20 times likelier", "3 times less likely"."""
    if not math.isfinite(log_odds) or abs(log_odds) < 0.05:
        return "changes nothing"
    factor = math.exp(min(abs(log_odds), 30.0))
    amount = f"{factor:.1f}" if factor < 10 else f"{float(f'{factor:.2g}'):,.0f}"
    return f"{amount} times {'likelier' if log_odds > 0 else 'less likely'}"


def range_text(interval: Interval) -> str:
    """The 95 % interval of a share: 0.981–0.994."""
    return f"{interval.low:.3f}–{interval.high:.3f}"


def seconds_text(seconds: float) -> str:
    """A duration: 0.42 s, 12 s, 3 min 5 s."""
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds < 1 else f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
