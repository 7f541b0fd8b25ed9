"""One pair on a card: both records side by side, what differs, and the evidence from the prior to the probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import exp

from kinfolk.data import Records
from kinfolk.linking.alignment import columns_of
from kinfolk.linking.explanation import Contribution, Explanation
from kinfolk.linking.focus import Focus
from kinfolk.report.comparison_words import ABOUT_IMAGES, about_comparison, why
from kinfolk.report.field_value import field_role, names_in, render_values, shown_fields
from kinfolk.report.focus_panel import focus_panel
from kinfolk.report.gallery import Gallery
from kinfolk.report.markup import MISSING, NEARLY_NOTHING, escape, odds_factor, probability, signed
from kinfolk.report.waterfall import Scale, running_totals, scale_of, step_mark, total_mark


@dataclass(frozen=True)
class CardContext:
    """What a card needs beside the explanation: the tables, and what is known of the pair that was not compared."""

    left: Records
    right: Records
    left_row: int | None = None
    right_row: int | None = None
    linked_word: str = "linked"
    gallery: Gallery = field(default_factory=Gallery)
    focus: Focus | None = None


def pair_card(explanation: Explanation, context: CardContext) -> str:
    """A pair as an ``<article>``, its nearest other candidate folded below it."""
    family = [explanation] + ([explanation.rival] if explanation.rival else [])
    scale = scale_of(family)
    state = "linked" if explanation.linked else "apart"
    word = context.linked_word if explanation.linked else f"not {context.linked_word}"
    parts = [
        f'<article class="pair {state}"><header><span class="chance">{probability(explanation.probability)}</span>'
        f'<span class="state">{escape(word)}</span><p class="reason">{_reason(explanation)}</p></header>',
        _evidence_table(explanation, context, scale),
    ]
    if context.focus is not None:
        names = f"{context.left.name} {explanation.left_id}", f"{context.right.name} {explanation.right_id}"
        parts.append(focus_panel(context.focus, names=names))
    if explanation.rival is not None:
        parts.append(_rival(explanation, explanation.rival, context, scale))
    parts.append("</article>")
    return "".join(parts)


def _rival(explanation: Explanation, rival: Explanation, context: CardContext, scale: Scale) -> str:
    if rival.left_id == explanation.left_id:
        who = f"{context.right.name} {rival.right_id} for {context.left.name} {rival.left_id}"
    else:
        who = f"{context.left.name} {rival.left_id} for {context.right.name} {rival.right_id}"
    inside = _evidence_table(rival, replace(context, left_row=None, right_row=None), scale)
    return (
        f'<details class="rival"><summary>Nearest other candidate <span class="who">{escape(who)}</span> '
        f'<span class="chance">{probability(rival.probability)}</span></summary>'
        f'<p class="reason">{_reason(rival)}</p>{inside}</details>'
    )


def _reason(explanation: Explanation) -> str:
    return escape(f"{explanation.reason} {why(explanation.contributions)}")


def _evidence_table(explanation: Explanation, context: CardContext, scale: Scale) -> str:
    rows = in_table_order(explanation.contributions, context.left)
    totals = running_totals(explanation.prior, [c.log_odds for c in rows])
    # The letters show on narrow screens only, where the two values stand below each other.
    left_head = f'<i class="side">A</i> {escape(context.left.name)} <b>{escape(explanation.left_id)}</b>'
    right_head = f'<i class="side">B</i> {escape(context.right.name)} <b>{escape(explanation.right_id)}</b>'
    prior_tip = f"before looking at the records: probability {probability(_chance(explanation.prior))}"
    parts = [
        '<table class="fields" role="table"><thead role="rowgroup"><tr role="row">'
        f'<th role="columnheader" scope="col">field</th><th role="columnheader" scope="col">{left_head}</th>'
        f'<th role="columnheader" scope="col">{right_head}</th>'
        '<th role="columnheader" scope="col" class="weight">log-odds</th>'
        '<th role="columnheader" scope="col"><span class="hidden">sum of the evidence so far</span></th></tr>'
        '</thead><tbody role="rowgroup">',
        f'<tr role="row" class="prior"><th role="rowheader" scope="row" colspan="3">at the start</th>'
        f'<td role="cell" class="weight" title="{prior_tip}">{signed(explanation.prior)}</td>'
        f'<td role="cell" class="fall">{step_mark(0.0, totals[0], scale)}</td></tr>',
    ]
    seen: set[tuple[str, str]] = set()
    silent = [c.label for c in rows if _says_nothing(c)]
    places = (explanation.left_row, explanation.right_row)
    for contribution, before, after in zip(rows, totals[:-1], totals[1:], strict=True):
        if contribution.label not in silent:
            parts.append(_row(contribution, places, before, after, context, scale, seen))
    parts += _uncompared(explanation, context)
    missing = [label for label in silent if not about_comparison(label, context.left, context.right)]
    if missing:
        names = escape(", ".join(missing))
        parts.append(
            f'<tr role="row" class="silent"><td role="cell" colspan="5">missing on both sides: {names}</td></tr>'
        )
    parts.append(
        '<tr role="row" class="total"><th role="rowheader" scope="row" colspan="3">in sum: probability '
        f"{probability(explanation.probability)}</th>"
        f'<td role="cell" class="weight">{signed(totals[-1])}</td>'
        f'<td role="cell" class="fall">{total_mark(totals[-1], scale)}</td></tr></tbody></table>'
    )
    return "".join(parts)


def _says_nothing(contribution: Contribution) -> bool:
    """Whether a comparison had nothing to compare: no value on either side, no similarity, no evidence."""
    empty = not contribution.left_value.strip() and not contribution.right_value.strip()
    return empty and contribution.similarity is None and abs(contribution.log_odds) < NEARLY_NOTHING


def _row(
    contribution: Contribution,
    places: tuple[int | None, int | None],
    before: float,
    after: float,
    context: CardContext,
    scale: Scale,
    seen: set[tuple[str, str]],
) -> str:
    values = (contribution.left_value, contribution.right_value)
    alike = "" if contribution.similarity is None else f"similarity {contribution.similarity:.2f}"
    tip = f"{odds_factor(contribution.log_odds)}{f', {alike}' if alike else ''}"
    direction = (
        "nothing" if abs(contribution.log_odds) < NEARLY_NOTHING else "for" if contribution.log_odds > 0 else "against"
    )
    label = f'<th role="rowheader" scope="row">{escape(contribution.label)}</th>'
    role = field_role(contribution.label, context.left, context.right)
    present = any(v.strip() for v in values)
    about = about_comparison(contribution.label, context.left, context.right)
    if role == "image":
        said = f"{ABOUT_IMAGES}{f': {alike}' if alike else ''}"
        label = label.replace("</th>", f'<span class="meaning">{escape(said)}</span></th>')
        tables, names = (context.left, context.right), columns_of(contribution.label, context.left, context.right)
        shown = [_picture(context.gallery, *side) for side in zip(tables, names, places, strict=True)]
        cells = _value_cells(*shown)
    elif about or (present and values in seen) or (not present and contribution.similarity is not None):
        # Not the values of a field, or another comparison of values already shown.
        said = "; ".join(filter(None, (about, alike)))
        cells = f'<td role="cell" class="value aside" colspan="2">{escape(said)}</td>'
    else:
        left, right = render_values(role, *values)
        cells = _value_cells(left, right)
    seen.add(values)
    return (
        f'<tr role="row">{label}{cells}<td role="cell" class="weight {direction}" title="{escape(tip)}">'
        f'{signed(contribution.log_odds)}</td><td role="cell" class="fall">{step_mark(before, after, scale)}</td></tr>'
    )


def _value_cells(left: str, right: str) -> str:
    return "".join(
        f'<td role="cell" class="value"><i class="side">{letter}</i><span dir="auto" class="text">{value}</span></td>'
        for letter, value in (("A", left), ("B", right))
    )


def _uncompared(explanation: Explanation, context: CardContext) -> list[str]:
    """Rows for fields no comparison names: a reader judges by all that is known."""
    if context.left_row is None or context.right_row is None:
        return []
    named = {name for c in explanation.contributions for name in names_in(c.label)}
    tables = (context.left, context.left_row), (context.right, context.right_row)
    left, right = (records.take(slice(row, row + 1)) for records, row in tables)
    fields = dict.fromkeys(f for f in (*shown_fields(left), *shown_fields(right)) if f not in named)
    shown: dict[str, tuple[str, str]] = {}
    for name in fields:
        left_value = left.texts(name)[0] if name in shown_fields(left) else ""
        right_value = right.texts(name)[0] if name in shown_fields(right) else ""
        if left_value.strip() or right_value.strip():
            shown[name] = render_values(field_role(name, left, right), left_value, right_value)
    for name in dict.fromkeys(f for f in (*left.fields("image"), *right.fields("image")) if f not in named):
        sides = ((context.left, name, context.left_row), (context.right, name, context.right_row))
        pictures = [_picture(context.gallery, *side) for side in sides]
        if any(html != MISSING for html in pictures):
            shown[name] = (pictures[0], pictures[1])
    note = '<td role="cell" class="weight uncompared" colspan="2">not compared</td>'
    return [
        f'<tr role="row" class="uncompared"><th role="rowheader" scope="row">{escape(name)}</th>'
        f"{_value_cells(*values)}{note}</tr>"
        for name, values in shown.items()
    ]


def _picture(gallery: Gallery, records: Records, name: str, row: int | None) -> str:
    return MISSING if row is None or records.roles.get(name) != "image" else gallery.picture(records, name, row)


def in_table_order(contributions: Sequence[Contribution], records: Records) -> tuple[Contribution, ...]:
    """Fields in the order of the table, so that every card reads alike; comparisons of whole records last."""
    columns = {name: position for position, name in enumerate(records.table.column_names)}

    def position(contribution: Contribution) -> int:
        return min((columns[n] for n in names_in(contribution.label) if n in columns), default=len(columns))

    return tuple(sorted(contributions, key=position))


def _chance(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds)) if log_odds >= 0 else exp(log_odds) / (1 + exp(log_odds))
