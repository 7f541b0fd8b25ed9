"""Text that is safe inside HTML: escaping, shortening, and numbers as people write them."""

from __future__ import annotations

import html
import math

from kinfolk.evaluation.interval import Interval

NEARLY_NOTHING = 0.05  # log-odds that are written as 0
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


def middle_cut(text: str, limit: int) -> str:
    """At most ``limit`` characters, with the middle left out: names of files differ at both ends."""
    head = limit // 2
    return text if len(text) <= limit else f"{text[:head]}…{text[len(text) - (limit - head - 1) :]}"


def count(number: float) -> str:
    """A whole number with thousands separated: 12,345."""
    return f"{round(number):,}" if math.isfinite(number) else "unknown"


def counted(number: float, noun: str, plural: str | None = None) -> str:
    """A count and its noun in the right number: 1 link, 2 links."""
    return f"{count(number)} {noun if round(number) == 1 else plural or noun + 's'}"


def percent(share: float) -> str:
    """A share as percent, on one line; never rounds to 0 % or 100 % what is neither."""
    if not math.isfinite(share):
        return "unknown"
    if 0 < share < 0.001:
        return "<0.1\u00a0%"
    if 0.999 < share < 1:
        return ">99.9\u00a0%"
    return f"{100 * share:.{0 if share in (0.0, 1.0) else 1}f}\u00a0%"


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
    return f"{value:+.1f}".replace("-", "\u2212") if abs(value) >= NEARLY_NOTHING else "0"


def odds_factor(log_odds: float) -> str:
    """What adding ``log_odds`` does to the odds: "20 times likelier", "3 times less likely"."""
    if not math.isfinite(log_odds) or abs(log_odds) < NEARLY_NOTHING:
        return "changes nothing"
    factor = math.exp(min(abs(log_odds), 30.0))
    amount = f"{factor:.1f}" if factor < 10 else f"{float(f'{factor:.2g}'):,.0f}"
    return f"{amount} times {'likelier' if log_odds > 0 else 'less likely'}"


def share_text(share: float) -> str:
    """A share with three decimals: 0.981; never rounds to 0 or 1 what is neither: >0.999."""
    if not math.isfinite(share):
        return "unknown"
    if 0 < share < 0.0005:
        return "<0.001"
    return ">0.999" if 0.9995 <= share < 1 else f"{share:.3f}"


def range_text(interval: Interval) -> str:
    """The 95 % interval of a share: 0.981–0.994; above 0.999 where both ends would be rounded to 1."""
    low, high = f"{interval.low:.3f}", f"{interval.high:.3f}"
    return f"{low}–{high}" if low != high else {"0.000": "below 0.001", "1.000": "above 0.999"}.get(low, low)


def seconds_text(seconds: float) -> str:
    """A duration, on one line: 0.42 s, 12 s, 3 min 5 s."""
    if seconds < 120:
        return f"{seconds:.2g}\u00a0s" if seconds < 1 else f"{seconds:.{1 if seconds < 10 else 0}f}\u00a0s"
    minutes, rest = divmod(round(seconds), 60)
    big, small = (f"{minutes} min", f"{rest} s") if minutes < 60 else (f"{minutes // 60} h", f"{minutes % 60} min")
    return f"{big} {small}".replace(" ", "\u00a0")
