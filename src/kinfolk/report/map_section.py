"""The map: a sample of the images, each where its vector lies."""

from __future__ import annotations

import math

from kinfolk.report.label_colors import label_legend, label_styles
from kinfolk.report.markup import count, escape
from kinfolk.report.sections import section
from kinfolk.report.svg import figure
from kinfolk.report.thumbnail import thumbnail
from kinfolk.report.training_summary import TrainingSummary

_WIDTH = 720
_SIDE = 48  # pixels of a picture in the file; it is drawn smaller and grows under the pointer
_FEW, _SMALLEST, _LARGEST = 40, 17.0, 46.0  # so many pictures are drawn at their largest

HOW_TO_READ = {
    "t-SNE": "t-SNE puts near vectors near each other; how far apart groups lie, and how large they are, says little.",
    "PCA": "The two directions in which the vectors differ most (PCA); what differs in others falls together.",
    "none": "All vectors are alike: the space has collapsed to a point.",
}
"""What is to be said of a map, by how it was made."""


def map_section(summary: TrainingSummary) -> str:
    """The map with its legend and how to read it."""
    labels = [summary.label(row) for row in range(len(summary.map.positions))]
    styles = label_styles([label for label in labels if label is not None])
    shown = (
        f"{count(len(labels))} of the {count(summary.total)} images" if summary.total > len(labels) else "All images"
    )
    wish = (
        "Images of one label, framed in one color, should form groups of their own."
        if styles
        else "Images that belong together should lie together; where only the color or the background is common to "
        "neighbors, that is what was learned."
    )
    caption = f"{shown}, each where its vector lies. {HOW_TO_READ[summary.map.method]} {wish} Point at a picture to see it larger."
    return section(
        "map",
        "Map of the images",
        f'<figure class="panel map">{_plot(summary, labels, styles)}{label_legend(styles) if styles else ""}'
        f"<figcaption>{caption}</figcaption></figure>",
    )


def _plot(summary: TrainingSummary, labels: list[str | None], styles: dict[str, str]) -> str:
    side = min(_LARGEST, max(_SMALLEST, _LARGEST * (_FEW / len(labels)) ** 0.5))
    highest, lowest = summary.map.positions[:, 1].min(), summary.map.positions[:, 1].max()
    height = math.ceil((lowest - highest) * (_WIDTH - side) + side)
    items = []
    for row, (x, y) in enumerate(summary.map.positions.tolist()):
        left, top = x * (_WIDTH - side), (y - highest) * (_WIDTH - side)
        label = labels[row]
        name = summary.images.names[row]
        picture = (
            f'<image x="{left:.1f}" y="{top:.1f}" width="{side:.1f}" height="{side:.1f}" '
            f'href="{thumbnail(summary.images.pixels[row], side=_SIDE)}"/>'
        )
        frame = (
            f'<rect class="frame {styles[label]}" x="{left:.1f}" y="{top:.1f}" width="{side:.1f}" height="{side:.1f}"/>'
            if label is not None
            else ""
        )
        tip = name if label is None else f"{label}: {name}"
        items.append(f'<g class="item"><title>{escape(tip)}</title>{picture}{frame}</g>')
    title = f"Map of {count(len(labels))} images"
    return figure("map-plot", title, HOW_TO_READ[summary.map.method], _WIDTH, height, items)
