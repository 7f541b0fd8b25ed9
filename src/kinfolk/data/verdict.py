"""What people write for yes and no."""

from __future__ import annotations

from kinfolk.errors import DataError

_YES = ("yes", "y", "1", "1.0", "true", "t", "match")
_NO = ("no", "n", "0", "0.0", "false", "f", "non-match", "nonmatch")


def read_verdict(text: str | None, *, where: str) -> bool | None:
    """Whether a cell says yes (1, true, y) or no (0, false, n), in any case; None where it is empty.

    Args:
        text: the cell.
        where: file, column and row, named in an error.

    Raises:
        DataError: the cell says something else.
    """
    word = (text or "").strip().casefold()
    if not word:
        return None
    if word not in (*_YES, *_NO):
        raise DataError(f"{where}: expected yes or no (or 1 and 0, true and false). Got {text!r}.")
    return word in _YES
