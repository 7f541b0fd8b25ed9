"""How the classes relate, where the method has learned it: heat maps with the classes that are alike side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from kinfolk.data.images import Images
from kinfolk.evaluation.class_relations import block_order
from kinfolk.report.markup import count, escape, middle_cut
from kinfolk.report.sections import panel, section
from kinfolk.report.svg import figure, label

_MOST, _WIDTH, _NAME = 40, 480, 18
_ROOMY = 20  # so many classes are named in letters of full size
_PLOTS = (
    (
        "class_likeness",
        "Which classes are described alike",
        "Correlation of the gates that two classes have with themselves. Strong blocks are groups of classes that use "
        "the same dimensions.",
    ),
    (
        "class_overlap",
        "How much a pair of classes shares",
        "Mean gate of the pair: the share of all dimensions in which its images are drawn together. Faint pairs meet in a "
        "small subspace only.",
    ),
)


def classes_section(facts: Mapping[str, npt.NDArray[np.floating]], images: Images) -> str | None:
    """A heat map for each relation that the method has learned; None where it has learned none.

    Args:
        facts: of the model; read are ``class_likeness`` and ``class_overlap``, (classes, classes) each.
        images: whose labels are the classes.
    """
    if images.labels is None or len(images.label_names) < 2:
        return None
    if any(name not in facts or len(facts[name]) < len(images.label_names) for name, _, _ in _PLOTS):
        return None
    sizes = np.bincount(images.labels, minlength=len(images.label_names))
    largest = np.sort(np.argsort(-sizes, kind="stable")[:_MOST])
    chosen = largest[block_order(np.asarray(facts["class_likeness"], np.float64)[np.ix_(largest, largest)])]
    names = [str(images.label_names[row]) for row in chosen]
    panels = [
        panel(title, heat_map(facts[name][np.ix_(chosen, chosen)], names, name=name, title=title), note)
        for name, title, note in _PLOTS
    ]
    left_out = len(sizes) - len(chosen)
    lead = (
        '<p class="caption">The method learns for any two classes the dimensions in which they are compared. Classes '
        "stand in the order of a hierarchical clustering by their likeness"
        f"{f'; the {count(left_out)} smallest are left out' if left_out else ''}.</p>"
    )
    return section("classes", "How the classes relate", lead, f'<div class="panels wide">{"".join(panels)}</div>')


def heat_map(values: npt.NDArray[np.floating], names: Sequence[str], *, name: str, title: str) -> str:
    """A square matrix as cells, faint to strong from the least to the greatest value off the diagonal.

    Args:
        values: (classes, classes), at least two.
        names: of the classes.
        name: unique on the page.
        title: of the plot.
    """
    apart = values[~np.eye(len(values), dtype=bool)]
    low, high = float(apart.min()), float(apart.max())
    font, letter = ("heat-name", 5.2) if len(names) <= _ROOMY else ("heat-name small", 3.9)
    margin = 8 + letter * min(_NAME, max(map(len, names)))
    cell = (_WIDTH - margin) / len(names)
    parts = []
    for row, of_row in enumerate(names):
        middle = margin + cell * (row + 0.5)
        short = middle_cut(of_row, _NAME)
        turned = label(0, 0, short, anchor="start", style=font)
        parts += [
            label(margin - 5, middle + 3, short, anchor="end", style=font),
            f'<g transform="translate({middle + 3:.1f} {margin - 5:.1f}) rotate(-90)">{turned}</g>',
        ]
        for column, of_column in enumerate(names):
            value = float(values[row, column])
            share = min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.5
            tip = f"{of_row} and {of_column}: {value:.3f}"
            parts.append(_cell(margin + cell * column, margin + cell * row, cell - 0.6, cell - 0.6, share, tip))
    bar = _WIDTH + 18
    parts += [_cell(margin + step * 6, bar, 6, 10, step / 19) for step in range(20)]
    parts += [
        label(margin - 6, bar + 9, _number(low), anchor="end"),
        label(margin + 126, bar + 9, _number(high), anchor="start"),
    ]
    description = f"{count(len(names))} classes; values off the diagonal from {low:.3f} to {high:.3f}."
    return figure(name.replace("_", "-"), title, description, _WIDTH, bar + 14, parts)


def _cell(x: float, y: float, width: float, height: float, share: float, tip: str = "") -> str:
    """A part of the map, from faint (0) to strong (1)."""
    return (
        f'<rect class="heat" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill-opacity="{0.06 + 0.94 * share:.2f}"><title>{escape(tip)}</title></rect>'
    )


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", "\u2212")
