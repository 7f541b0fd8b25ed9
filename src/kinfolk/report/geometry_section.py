"""How the space changed from epoch to epoch, with a sentence on how to read each measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kinfolk.report.history_plot import Series, history_plot
from kinfolk.report.markup import escape
from kinfolk.report.sections import panel, section

if TYPE_CHECKING:
    from kinfolk.methods.history import EpochEnd


@dataclass(frozen=True)
class Measure:
    """A plot of the section.

    Attributes:
        key: in ``EpochEnd.measures``.
        title: of the plot.
        reading: how to read it, in one sentence of HTML.
        beside: the key of what is drawn beside it, or "".
        zero: whether the scale begins at 0.
    """

    key: str
    title: str
    reading: str
    beside: str = ""
    zero: bool = False


MEASURES = (
    Measure(
        "loss",
        "Loss",
        "It should fall and then level off; how low it gets says nothing of another method or batch size.",
    ),
    Measure(
        "knn",
        "Neighbor accuracy",
        "The share of images whose 20 nearest neighbors vote for the right label: the higher, the more the space follows "
        "the labels.",
    ),
    Measure(
        "alignment",
        "Alignment",
        "Mean squared distance of two views of an image: the lower, the less a change of crop or color moves it.",
    ),
    Measure(
        "uniformity",
        "Uniformity",
        "How evenly the vectors fill the sphere: the lower the better, and near 0 they all lie together.",
    ),
    Measure(
        "tolerance",
        "Tolerance",
        "Mean cosine of two images of one label: it falls as the vectors spread, and at 0 a label would draw "
        "nothing together.",
    ),
    Measure(
        "effective_rank",
        "Effective rank",
        "How many directions the vectors fill: below 2 the space has collapsed, and a fall late in training deserves a look.",
    ),
    Measure(
        "effective_negatives",
        "Effective negatives",
        'How many images <span class="key-link">share the push</span> on each, of <span class="key-other">those in the '
        "sample</span>: few mean that only the nearest are pushed, nearly all that none is told from another.",
        beside="negatives",
        zero=True,
    ),
    Measure(
        "suggested_temperature",
        "Temperature",
        'At the <span class="key-link">suggested</span> temperature half of the negatives would share the push; where the '
        '<span class="key-other">one used</span> is lower, fewer do.',
        beside="temperature",
        zero=True,
    ),
)


def geometry_section(
    history: Sequence[EpochEnd],
    *,
    measures: Sequence[Measure] = MEASURES,
    caption: str | None = None,
    before: Mapping[str, float] | None = None,
) -> str:
    """A plot for each measure that the training has.

    Args:
        history: of the training.
        measures: to show, in this order.
        caption: on what they were measured; None says it of images.
        before: measures before the training, drawn beside.
    """
    if not history:
        return section("geometry", "Over the epochs", '<p class="empty">The model has no history.</p>')
    warned = [end.epoch for end in history if end.warning is not None]
    panels = []
    for measure in measures:
        lines = [
            Series(_words(key), points, style)
            for key, style in ((measure.key, "curve"), (measure.beside, "beside"))
            if (points := _points(history, key))
        ]
        if not lines:
            continue
        if before and measure.key in before:
            start = before[measure.key]
            lines.append(Series("before the training", ((1, start), (history[-1].epoch, start)), "beside"))
        plot = history_plot(
            lines,
            epochs=history[-1].epoch,
            warned=warned,
            name=f"history-{measure.key.replace('_', '-')}",
            title=f"{measure.title} by epoch",
            zero=measure.zero,
        )
        panels.append(panel(measure.title, plot, measure.reading))
    of_encoder = (
        "" if "knn" not in history[-1].measures else "; neighbor accuracy and tolerance are of the encoder itself"
    )
    shaded = " In the shaded epochs the space had collapsed." if warned else ""
    of_images = (
        "Measured after each epoch on a sample of the training images that stays the same, on the embeddings that the loss "
        f"sees{of_encoder}."
    )
    about = f'<p class="caption">{of_images if caption is None else caption}{shaded}</p>'
    return section("geometry", "Over the epochs", about, f'<div class="panels">{"".join(panels)}</div>')


def warning_note(history: Sequence[EpochEnd]) -> str:
    """The last warning, and in which epochs there was one; nothing where there was none."""
    warned = [end for end in history if end.warning is not None]
    if not warned:
        return ""
    epochs = [end.epoch for end in warned]
    one = len(epochs) == 1
    when = f"epoch {epochs[0]}" if one else f"{len(epochs)} epochs, from {epochs[0]} to {epochs[-1]}"
    ends = " The last epoch is one of them." if epochs[-1] == history[-1].epoch and not one else ""
    return (
        f'<div class="notes warning" role="note"><strong>A warning in {when}</strong> (shaded below).{ends} '
        f"{escape(warned[-1].warning)}</div>"
    )


def _words(key: str) -> str:
    names = {"knn": "neighbor accuracy", "negatives": "negatives in the sample", "temperature": "temperature used"}
    return names.get(key, key.replace("_", " "))


def _points(history: Sequence[EpochEnd], key: str) -> tuple[tuple[int, float], ...]:
    if key == "loss":
        return tuple((end.epoch, end.loss) for end in history)
    return tuple((end.epoch, end.measures[key]) for end in history if key in end.measures)
