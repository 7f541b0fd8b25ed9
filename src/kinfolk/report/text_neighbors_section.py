"""Nearest neighbors of some texts, by the encoder as it was before the training and as it is now."""

from __future__ import annotations

from kinfolk.evaluation.nearest import Nearest
from kinfolk.report.markup import count, escape, shorten
from kinfolk.report.sections import section
from kinfolk.report.text_summary import TextSummary

_LONGEST = 180  # characters of a text


def text_neighbors_section(summary: TextSummary) -> str:
    """A card for each text, with its neighbors before and after side by side; of another label they are marked."""
    if not summary.after.rows.size:
        return section("neighbors", "Nearest neighbors", '<p class="empty">One text alone has no neighbors.</p>')
    of = (
        "Texts that were held out of the training"
        if summary.num_held
        else "Texts of the training (none was held out: it had too few, or was told so)"
    )
    among = f"the nearest among {count(len(summary.texts))} different texts, with the cosine of both vectors"
    marked = (
        ""
        if summary.texts.labels is None
        else ' Neighbors of another label are <span class="key-against">marked</span>.'
    )
    cards = "".join(_card(summary, query) for query in range(len(summary.queries)))
    lead = f'<p class="caption">{of}, each with {among}.{marked}</p>'
    return section("neighbors", "Nearest neighbors", lead, f'<div class="asked-texts">{cards}</div>')


def short_text(text: str) -> str:
    """The beginning of a text in one line."""
    head, left_out = shorten(" ".join(text.split()), _LONGEST)
    return f"{head}…" if left_out else head


def _card(summary: TextSummary, query: int) -> str:
    row = int(summary.queries[query])
    label = summary.label(row)
    name = "" if label is None else f'<span class="who" dir="auto">{escape(label)}</span> '
    sides = [("Before the training", summary.before), ("After", summary.after)]
    lists = "".join(
        f"<div><h4>{title}</h4>{_list(summary, row, query, found)}</div>" for title, found in sides if found is not None
    )
    return (
        f'<div class="panel asked"><h3 dir="auto">{name}{escape(short_text(summary.texts.texts[row]))}</h3>'
        f'<div class="sides">{lists}</div></div>'
    )


def _list(summary: TextSummary, row: int, query: int, found: Nearest) -> str:
    items = []
    for neighbor, cosine in zip(found.rows[query].tolist(), found.cosines[query].tolist(), strict=True):
        labels = {summary.label(neighbor), summary.label(row)} - {None}
        differs = ' class="differs"' if len(labels) > 1 else ""
        said = f"{cosine:.2f}".replace("-", "\u2212")
        text = escape(short_text(summary.texts.texts[neighbor]))
        items.append(f'<li{differs}><span class="cosine">{said}</span> <span dir="auto">{text}</span></li>')
    return f"<ol>{''.join(items)}</ol>"
