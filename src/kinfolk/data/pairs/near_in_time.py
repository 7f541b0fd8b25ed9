"""Neighbors in time belong together: notices of one week, letters of one sender."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from kinfolk.data.pairs.rows import PairRows, Rows, check_per_anchor
from kinfolk.data.texts import numbered
from kinfolk.errors import ConfigurationError


def pairs_near_in_time(
    times: npt.ArrayLike, *, within: float, per_anchor: int = 1, groups: Sequence[Hashable | None] | None = None
) -> PairRows:
    """Each row with the next ones in time, the nearest first. Nothing is drawn: rows of one time come in their order.

    Args:
        times: of each row in any unit, such as the days of ``Records.dates``; NaN where unknown, which has no neighbors.
        within: longest time between both, in the same unit, in [0, inf].
        per_anchor: positives of each row at most, at least 1.
        groups: neighbors must have one in common, such as the sender; None or "" for a row without, which has no neighbors. None
            asks for none.

    Raises:
        ConfigurationError: per_anchor below 1, a negative ``within``, or not one group a row.
    """
    check_per_anchor(per_anchor)
    when = np.asarray(times, np.float64)
    if not within >= 0:
        raise ConfigurationError(f"within must be at least 0. Got {within}.")
    if when.ndim != 1 or (groups is not None and len(groups) != len(when)):
        raise ConfigurationError(f"times and groups must be one a row. Got times of shape {when.shape}.")
    of = np.zeros(len(when), np.int64) if groups is None else numbered(groups)
    known = np.flatnonzero((of >= 0) & np.isfinite(when))
    order = known[np.lexsort((known, when[known], of[known]))]
    anchors, positives = [np.zeros(0, np.int64)], list[Rows]([np.zeros(0, np.int64)])
    for step in range(1, min(per_anchor, len(order) - 1) + 1):
        first, second = order[:-step], order[step:]
        near = (of[first] == of[second]) & (when[second] - when[first] <= within)
        if not near.any():
            break  # what lies further apart in the order is not nearer in time
        anchors.append(first[near])
        positives.append(second[near])
    first, second = np.concatenate(anchors), np.concatenate(positives)
    by_anchor = np.argsort(first, kind="stable")
    return PairRows(first[by_anchor], second[by_anchor])
