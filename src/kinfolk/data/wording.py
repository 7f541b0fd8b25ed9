"""Counts, rows and lists the way sentences need them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def counted(number: int, one: str, many: str) -> str:
    """A count and what follows it: ``counted(1, "row has", "rows have")`` is "1 row has"."""
    return f"{number:,} {one if number == 1 else many}"


def listed(words: Sequence[str], *, limit: int = 8) -> str:
    """Words in a row: "a", "a and b", "a, b and c"; more than ``limit`` end in "and 12 more"."""
    if len(words) > limit:
        return f"{', '.join(words[:limit])} and {len(words) - limit:,} more"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def printable(text: str) -> str:
    r"""Text in one line that any encoding for all of Unicode can write: a line end becomes \n, an undecodable byte \udcff."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shortened(text: str, length: int = 40) -> str:
    """Text that fits into a sentence."""
    return text if len(text) <= length else text[: length - 1] + "…"


def reason_of(error: BaseException) -> str:
    """What an error says, in one line that fits into brackets: its first line, or its type where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def rows_in_words(rows: Sequence[int] | npt.NDArray[np.int64], *, limit: int = 5) -> str:
    """Rows counted from 0 as people count them: "row 4", "rows 4, 7 and 9", "rows 1, 2, 3, 4, 5, …"."""
    shown = [str(int(r) + 1) for r in rows[:limit]]
    if len(rows) > limit:
        return f"rows {', '.join(shown)}, …"
    return f"row {shown[0]}" if len(shown) == 1 else f"rows {listed(shown)}"


def repeated_header_note(rows: Sequence[int] | npt.NDArray[np.int64]) -> str:
    """Said when the header line stands again among the rows."""
    return f"the header stands again at {rows_in_words(rows)} and was left out there."
