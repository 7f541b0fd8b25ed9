"""Judging pairs in the terminal: both records field by field, one key an answer, everything saved at once."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kinfolk.linking.audit.entry import Audit
from kinfolk.linking.audit.sheet import field_pairs
from kinfolk.report.difference import Span, difference

_STYLES = {"same": "", "moved": "cyan", "extra": "dim", "different": "bold red"}
_LONGEST = 400  # characters of a value that are shown
_KEYS = "y yes, n no, s skip, u undo, q quit"


def review(audit: Audit, console: Console, ask: Callable[[str], str]) -> Audit:
    """Ask about every pair that has no answer yet.

    Args:
        audit: the sample with the answers there are.
        console: where the pairs are shown.
        ask: shows a prompt and gives what was typed; end of input counts as quitting.

    Returns:
        The audit with all answers; each was saved as it was given.
    """
    waiting = [row for row, answer in enumerate(audit.answers) if answer is None]
    place = 0
    while place < len(waiting):
        row = waiting[place]
        num_judged = sum(answer is not None for answer in audit.answers)
        console.print(pair_table(audit, row, f"{num_judged} of {len(audit.answers)} judged"))
        said = _listen(ask)
        if said in ("y", "n"):
            audit = audit.answered(row, said == "y")
            place += 1
        elif said == "s":
            place += 1
        elif said == "u" and place:
            place -= 1
            audit = audit.answered(waiting[place], None)
        elif said == "q":
            break
        elif said == "u":
            console.print("Nothing to undo: this is the first pair shown.")
        else:
            console.print(f"Please type one of these: {_KEYS}.")
    return audit


def pair_table(audit: Audit, row: int, title: str) -> Table:
    """Both records of a row of the sheet, a line for each field, with their differences marked."""
    cells = audit.sheet.slice(row, 1).to_pylist()[0]
    table = Table(title=title, title_justify="left", expand=True)
    for heading in ("field", audit.links.left.name, audit.links.right.name):
        table.add_column(Text(heading), overflow="fold", ratio=1 if heading == "field" else 3)
    table.add_row("id", Text(cells["left_id"] or ""), Text(cells["right_id"] or ""))
    for left_field, right_field in field_pairs(audit.links):
        left = cells.get(f"left {left_field}") or "" if left_field else ""
        right = cells.get(f"right {right_field}") or "" if right_field else ""
        name = left_field or right_field or ""
        if left_field and right_field and left_field != right_field:
            name = f"{left_field} = {right_field}"
        spans = difference(left[:_LONGEST], right[:_LONGEST])
        table.add_row(Text(name), _text(spans[0], left), _text(spans[1], right))
    return table


def _text(spans: tuple[Span, ...], whole: str) -> Text:
    text = Text()
    for span in spans:
        text.append(span.text, style=_STYLES[span.kind])
    return text.append(" …") if len(whole) > _LONGEST else text


def _listen(ask: Callable[[str], str]) -> str:
    try:
        said = ask(f"The same thing? ({_KEYS}) ").strip().casefold()
    except (EOFError, KeyboardInterrupt):
        return "q"
    return {"yes": "y", "no": "n"}.get(said, said)
