"""How the two values of a field are shown side by side: one renderer a role."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from kinfolk.data.records import Records, Role
from kinfolk.report.difference import difference, marked
from kinfolk.report.markup import MISSING, count, escape, shorten

VALUE_LIMIT = 600  # characters of a value on the page; a cell may hold megabytes

PairRenderer = Callable[[str, str], tuple[str, str]]
"""Takes the two values as text (never both missing), returns the inside of their two cells."""


def _by_difference(left: str, right: str) -> tuple[str, str]:
    (left_text, left_rest), (right_text, right_rest) = shorten(left, VALUE_LIMIT), shorten(right, VALUE_LIMIT)
    left_spans, right_spans = difference(left_text, right_text)
    return marked(left_spans) + _left_out(left_rest), marked(right_spans) + _left_out(right_rest)


def _as_a_whole(left: str, right: str) -> tuple[str, str]:
    """For values whose letters mean nothing alone: 1299 and 1300 share two digits and no meaning."""
    (left_text, left_rest), (right_text, right_rest) = shorten(left, VALUE_LIMIT), shorten(right, VALUE_LIMIT)
    style = "{}" if left.casefold() == right.casefold() or not left or not right else "<mark>{}</mark>"
    return style.format(escape(left_text)) + _left_out(left_rest), style.format(escape(right_text)) + _left_out(
        right_rest
    )


RENDERERS: Mapping[Role, PairRenderer] = {
    "id": _as_a_whole,
    "text": _by_difference,
    "date": _by_difference,
    "number": _as_a_whole,
    "category": _as_a_whole,
}


def render_values(role: Role, left: str, right: str) -> tuple[str, str]:
    """Both values as HTML for two table cells; a missing one is a dash."""
    left_html, right_html = RENDERERS.get(role, _by_difference)(left, right)
    return left_html if left.strip() else MISSING, right_html if right.strip() else MISSING


def _left_out(number: int) -> str:
    return f' <span class="note">… {count(number)} more characters</span>' if number else ""


def shown_fields(records: Records) -> tuple[str, ...]:
    """The fields a reader sees: those that text can stand for, without the id, which heads the record anyway."""
    return records.fields("text", "number", "date", "category")


def field_role(label: str, left: Records, right: Records) -> Role:
    """The role of the field that a comparison's label names; text if it names none."""
    for records in (left, right):
        for name in names_in(label):
            if name in records.roles:
                return records.roles[name]
    return "text"


def names_in(label: str) -> tuple[str, ...]:
    """The field names in a comparison's label: itself, and the parts of labels such as "name = title"."""
    return (label, *(part for part in re.split(r"\s*[=~/:↔]\s*", label) if part))


def one_line(records: Records, rows: Sequence[int], *, limit: int = 140) -> list[str]:
    """Each record in one line: its values in table order, separated by dots, shortened."""
    part = records.take(list(rows))
    columns = [part.texts(name) for name in shown_fields(records)]
    lines = []
    for position in range(len(part)):
        values = [value[position][:limit] for value in columns if value[position].strip()]
        text, rest = shorten(" · ".join(values), limit)
        lines.append(" ".join(text.split()) + ("…" if rest else ""))
    return lines
