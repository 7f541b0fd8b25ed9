"""Which texts go through the model together: each distinct text once, longest first, batches of nearly equal length.

Padding is wasted arithmetic. Sorting by number of tokens and closing a batch as soon as its shortest text would be
clearly shorter than its longest keeps the waste small, and a budget of tokens (not of texts) keeps the memory of a
batch the same for titles and for essays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from kinfolk.errors import DataError

Rows = npt.NDArray[np.int64]


def distinct_texts(texts: Sequence[str]) -> tuple[list[str], Rows]:
    """Return every distinct text that says something, in order of first appearance, and where each row finds its own.

    Args:
        texts: n strings.

    Returns:
        The distinct texts that are not blank, and an int64 array (n,) with the place of each row's text among them;
        -1 where the row is empty or only white space.

    Raises:
        DataError: if ``texts`` is one string, or holds something that is not a string.
    """
    if isinstance(texts, str):
        raise DataError("texts must be a sequence of strings. Got one string; put it into a list.")
    places: dict[str, int] = {}
    rows = np.full(len(texts), -1, dtype=np.int64)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise DataError(
                f"texts must hold strings only. Got {type(text).__name__} in row {row + 1}; write missing values as ''."
            )
        if text and not text.isspace():
            rows[row] = places.setdefault(text, len(places))
    return list(places), rows


def token_batches(num_tokens: npt.ArrayLike, *, budget: int) -> Iterator[Rows]:
    """Yield row numbers in batches of nearly equal length, longest first.

    Args:
        num_tokens: tokens of each text, shape (n,), each at least 1.
        budget: largest number of tokens of a batch, padding included. A text longer than that gets a batch of its own.

    Returns:
        Batches of row numbers; every row occurs exactly once. Longest first, so that memory peaks at the start.
    """
    lengths = np.asarray(num_tokens, dtype=np.int64)
    order = np.argsort(-lengths, kind="stable")
    descending = -lengths[order]
    start = 0
    while start < len(order):
        longest = -int(descending[start])
        # At least two tokens of slack: an eighth of a short text is less than one, and rare lengths would go alone.
        shortest = longest - max(2, longest // 8)
        stop = int(np.searchsorted(descending, -shortest, side="right"))
        stop = min(stop, start + max(1, budget // longest))
        yield order[start:stop]
        start = stop
