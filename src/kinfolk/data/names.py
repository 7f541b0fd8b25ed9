"""Column names a user typed, checked against those there are."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

from kinfolk.data.wording import listed, shortened
from kinfolk.errors import ConfigurationError

_ID_NAME = re.compile(r"^(id|ids|uid|uuid|guid|pk|key|rec(ord)?[ _-]?id|unique[ _-]?id|row[ _-]?id)$", re.I)


def require_columns(wanted: Iterable[str], columns: Sequence[str], table: str) -> None:
    """Check that columns exist.

    Args:
        wanted: names the user gave.
        columns: names the table has.
        table: what people call the table.

    Raises:
        ConfigurationError: names the first that is absent, the closest name, and all there are.
    """
    for name in wanted:
        if name in columns:
            continue
        closest = difflib.get_close_matches(str(name).lower(), [c.lower() for c in columns], n=1, cutoff=0.5)
        hint = next((f" Did you mean '{shortened(c)}'?" for c in columns if closest and c.lower() == closest[0]), "")
        shown = ", ".join(shortened(c) for c in columns[:20]) + (", …" if len(columns) > 20 else "")
        raise ConfigurationError(f"{table} has no column '{name}'.{hint} Its columns: {shown or 'none'}.")


def names_an_id(name: str) -> bool:
    """Whether a column so named is the id, even when some of its values are missing or doubled."""
    return bool(_ID_NAME.match(name.strip()))


def distinct_names(names: Sequence[object]) -> tuple[list[str], list[str]]:
    """Column names that are trimmed, present and distinct, and sentences about what was changed.

    Args:
        names: as found in the header; None or blank where a name is missing.
    """
    result: list[str] = []
    unnamed: list[str] = []
    doubled: list[str] = []
    taken = {str(n).strip() for n in names if n is not None}
    for position, given in enumerate(names, start=1):
        raw = "" if given is None else str(given)
        name = raw.strip()
        if not name:
            name = _free(f"column_{position}", taken)
            unnamed.append(f"'{name}'")
        elif name in result:
            fresh = _free(name, taken)
            doubled.append(f"'{shortened(name)}' at position {position} became '{shortened(fresh)}'")
            name = fresh
        result.append(name)
        taken.add(name)
    notes = [f"Columns without a name are called {listed(unnamed)} here, by their position."] if unnamed else []
    if doubled:
        notes.append(f"Columns of the same name were renamed: {listed(doubled)}.")
    return result, notes


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
