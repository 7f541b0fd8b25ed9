"""Nearest neighbors: some images, each with those that the encoder takes for the most similar."""

from __future__ import annotations

from kinfolk.report.markup import count, escape, middle_cut
from kinfolk.report.sections import section
from kinfolk.report.thumbnail import thumbnail
from kinfolk.report.training_summary import TrainingSummary

_SIDE, _NAME = 96, 9


def neighbors_section(summary: TrainingSummary) -> str:
    """A strip of pictures for each image; where there are labels, neighbors of another one are marked."""
    if not summary.neighbors.rows.size:
        return section("neighbors", "Nearest neighbors", '<p class="empty">One image alone has no neighbors.</p>')
    same = summary.same_label
    among = f"among {count(len(summary.images))} images" if summary.total > len(summary.images) else "among all images"
    verdict = (
        "They should be of one kind with the image on the left; what they have in common instead is what was learned."
        if same is None
        else f"{count(int(same.sum()))} of these {count(same.size)} neighbors have the label of their image; the others "
        'are <span class="key-against">marked</span>.'
    )
    strips = "".join(_strip(summary, query) for query in range(len(summary.queries)))
    lead = f'<p class="caption">The nearest of each image, {among}, with the cosine of both vectors. {verdict}</p>'
    return section("neighbors", "Nearest neighbors", lead, f'<div class="strips">{strips}</div>')


def _strip(summary: TrainingSummary, query: int) -> str:
    row = int(summary.queries[query])
    same = summary.same_label
    pairs = zip(summary.neighbors.rows[query].tolist(), summary.neighbors.cosines[query].tolist(), strict=True)
    cells = [_picture(summary, row, None, "query")] + [
        _picture(summary, neighbor, cosine, "" if same is None or same[query, place] else "differs")
        for place, (neighbor, cosine) in enumerate(pairs)
    ]
    return f'<ul class="strip">{"".join(cells)}</ul>'


def _picture(summary: TrainingSummary, row: int, cosine: float | None, style: str) -> str:
    name, label = summary.images.names[row], summary.label(row)
    below = [f'<span class="cosine">{cosine:.2f}</span>'.replace("-", "\u2212")] if cosine is not None else []
    said = label if label is not None else middle_cut(name, _NAME) if cosine is None else None
    if said is not None:
        below.append(f'<span class="who" dir="auto">{escape(said)}</span>')
    source = thumbnail(summary.images.pixels[row], side=_SIDE)
    return (
        f'<li class="{style}" title="{escape(name)}"><img src="{source}" alt="{escape(name)}" width="{_SIDE}" '
        f'height="{_SIDE}">{" ".join(below)}</li>'
    )
