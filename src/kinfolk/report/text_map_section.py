"""The map of texts: a dot for each, where its vector lies, with the text at hand."""

from __future__ import annotations

import math

from kinfolk.report.label_colors import label_legend, label_styles
from kinfolk.report.map_section import HOW_TO_READ
from kinfolk.report.markup import count, escape
from kinfolk.report.sections import section
from kinfolk.report.svg import figure
from kinfolk.report.text_neighbors_section import short_text
from kinfolk.report.text_summary import TextSummary

_WIDTH, _EDGE = 720, 8


def text_map_section(summary: TextSummary) -> str:
    """The map with its legend, and a line for the text under the pointer."""
    labels = [summary.label(row) for row in range(len(summary.map.positions))]
    styles = label_styles([label for label in labels if label is not None])
    shown = f"{count(len(labels))} of the {count(summary.total)} texts" if summary.total > len(labels) else "All texts"
    wish = (
        "Texts of one label, in one color, should form groups of their own."
        if styles
        else "Texts that belong together should lie together; what else neighbors have in common is what was learned."
    )
    caption = f"{shown}, each where its vector lies. {HOW_TO_READ[summary.map.method]} {wish}"
    return section(
        "map",
        "Map of the texts",
        f'<figure class="panel map">{_plot(summary, labels, styles)}{label_legend(styles) if styles else ""}'
        '<p class="pointed" dir="auto" role="status">Point at a dot to read its text.</p>'
        f"<figcaption>{caption}</figcaption></figure>",
    )


def _plot(summary: TextSummary, labels: list[str | None], styles: dict[str, str]) -> str:
    span = _WIDTH - 2 * _EDGE
    highest, lowest = summary.map.positions[:, 1].min(), summary.map.positions[:, 1].max()
    spots = []
    for row, (x, y) in enumerate(summary.map.positions.tolist()):
        label = labels[row]
        text = short_text(summary.texts.texts[row])
        style = "" if label is None else f" {styles[label]}"
        spots.append(
            f'<circle class="spot{style}" cx="{_EDGE + x * span:.1f}" cy="{_EDGE + (y - highest) * span:.1f}" r="3.5">'
            f"<title>{escape(text if label is None else f'{label}: {text}')}</title></circle>"
        )
    height = math.ceil((lowest - highest) * span + 2 * _EDGE)
    return figure(
        "map-plot", f"Map of {count(len(labels))} texts", HOW_TO_READ[summary.map.method], _WIDTH, height, spots
    )
