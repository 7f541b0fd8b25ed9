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
_LENGTHS = (400, 250, 150, 100)  # characters of a value that are shown: as many as the screen has room for
_LINES_BELOW = 2  # the question, and the prompt of the shell after the last one
_WIDEST_LABEL = 20
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
    place, shown = 0, -1
    console.print(_introduction(audit), soft_wrap=not console.is_terminal)
    while place < len(waiting):
        row = waiting[place]
        if row != shown:
            num_judged = sum(answer is not None for answer in audit.answers)
            console.print()
            console.print(_fitting_table(audit, row, f"{num_judged} of {len(audit.answers)} judged", console))
            shown = row
        said = _listen(ask, console)
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


def _introduction(audit: Audit) -> Text:
    return Text.assemble(
        f"Say of each pair whether both records are the same thing. Every answer is kept at once in {audit.file}; "
        "quit when you like, and the same command goes on from there. ",
        ("Red", _STYLES["different"]),
        " contradicts the other side, ",
        ("dim", _STYLES["extra"]),
        " stands on one side only, ",
        ("cyan", _STYLES["moved"]),
        " stands in another place.",
    )


def _fitting_table(audit: Audit, row: int, title: str, console: Console) -> Table:
    """The table with as much of long values as the screen has room for."""
    for longest in _LENGTHS:
        table = pair_table(audit, row, title, longest)
        if len(console.render_lines(table)) <= console.height - _LINES_BELOW:
            break
    return table


def pair_table(audit: Audit, row: int, title: str, longest: int) -> Table:
    """Both records of a row of the sheet, a line for each field, with their differences marked.

    Args:
        audit: the sample.
        row: of the sheet.
        title: above the table.
        longest: characters of a value that are shown.
    """
    cells = audit.sheet.slice(row, 1).to_pylist()[0]
    table = Table(title=title, title_justify="left", expand=True)
    table.add_column("field", overflow="fold", max_width=_WIDEST_LABEL)
    for records in (audit.links.left, audit.links.right):
        table.add_column(Text(records.name), overflow="fold", ratio=1)
    table.add_row("id", Text(cells["left_id"] or ""), Text(cells["right_id"] or ""))
    for left_field, right_field in field_pairs(audit.links):
        left = cells.get(f"left {left_field}") or "" if left_field else ""
        right = cells.get(f"right {right_field}") or "" if right_field else ""
        name = left_field or right_field or ""
        if left_field and right_field and left_field != right_field:
            name = f"{left_field} = {right_field}"
        spans = difference(left[:longest], right[:longest])
        table.add_row(Text(name), _text(spans[0], len(left) > longest), _text(spans[1], len(right) > longest))
    return table


def _text(spans: tuple[Span, ...], more: bool) -> Text:
    if not spans:
        return Text("—", style="dim")
    text = Text()
    for span in spans:
        text.append(span.text, style=_STYLES[span.kind])
    return text.append(" …") if more else text


def _listen(ask: Callable[[str], str], console: Console) -> str:
    try:
        said = ask(f"The same thing? ({_KEYS}) ").strip().casefold()
    except (EOFError, KeyboardInterrupt):
        console.print()  # the cursor still stands behind the question
        return "q"
    return {"yes": "y", "no": "n"}.get(said, said)
