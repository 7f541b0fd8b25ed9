"""Which texts are the same but for case and spaces: such two are no negatives of each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kinfolk.data.texts import Texts, numbered


def same_text(text: str) -> str:
    """What is equal for texts that differ by case and spaces alone."""
    return " ".join(text.casefold().split())


def item_keys(texts: Texts) -> npt.NDArray[np.int64]:
    """What each item has, as numbers: two items that share one are no negatives of each other.

    Returns:
        int64 (items, columns), a number of each text, whichever column it stands in; behind them, where texts have groups, a
        number of the group, which is the item's own where it has none.
    """
    num = len(texts)
    keys = numbered([same_text(text) or " " for column in texts.columns for text in column]).reshape(-1, num).T
    if texts.groups is None:
        return keys
    groups = np.where(texts.groups < 0, texts.groups.max(initial=0) + 1 + np.arange(num), texts.groups)
    return np.column_stack([keys, keys.max(initial=-1) + 1 + groups])


def item_groups(texts: Texts) -> npt.NDArray[np.int64]:
    """One number for items of which none is a negative of another, int64 (items,): that of the group, or of the positive.

    Where there are neither groups nor positives it is that of the text.
    """
    place = -1 if texts.groups is not None else min(1, len(texts.columns) - 1)
    return np.ascontiguousarray(item_keys(texts)[:, place])
