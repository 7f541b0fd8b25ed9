"""Which label has which color: the most frequent ones have one of their own, the others share one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kinfolk.report.markup import escape, middle_cut

NUM_COLORS = 10  # classes label-0 to label-9 of the style sheet
_OTHER = "label-other"


def label_styles(labels: Sequence[str]) -> dict[str, str]:
    """The class of the style sheet for each label, in the order of the labels.

    Args:
        labels: of each item.
    """
    frequent = [label for label, _ in sorted(Counter(labels).items(), key=lambda item: (-item[1], item[0]))]
    colored = sorted(frequent[:NUM_COLORS])
    styles = {label: f"label-{number}" for number, label in enumerate(colored)}
    return {label: styles.get(label, _OTHER) for label in sorted(frequent)}


def label_legend(styles: dict[str, str]) -> str:
    """The colors with their labels; those that share one are counted."""
    named = [
        f'<span><i class="swatch {style}"></i>{escape(middle_cut(label, 40))}</span>'
        for label, style in styles.items()
        if style != _OTHER
    ]
    others = list(styles.values()).count(_OTHER)
    if others:
        named.append(f'<span><i class="swatch {_OTHER}"></i>{others:,} other labels</span>')
    return f'<p class="legend">{"".join(named)}</p>'
