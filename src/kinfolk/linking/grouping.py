"""From scored pairs of one table to groups: which records are the same thing, also those never compared."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from kinfolk.errors import ConfigurationError
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.linkage import average_linkage

Grouping = Literal["average", "components"]

SUREST = 10.0  # log-odds; one pair more certain than that outweighs no more others
_LOWEST_CUT = -9.9


def check_grouping(grouping: str) -> Grouping:
    """The name of a way to group.

    Raises:
        ConfigurationError: there is no such way.
    """
    for known in get_args(Grouping):
        if grouping == known:
            return known  # type: ignore[no-any-return]
    raise ConfigurationError(f"grouping must be {' or '.join(get_args(Grouping))}. Got {grouping!r}.")


def group_records(
    num_records: int,
    candidates: Candidates,
    log_odds: np.ndarray,
    *,
    cut: float = 0.0,
    grouping: Grouping = "average",
    source: np.ndarray | None = None,
) -> np.ndarray:
    """Group the records of a table.

    "average" joins two groups while the mean log-odds between their records, each held within +-10, is at or above the
    cut; a pair that was no candidate counts as -10. "components" follows every pair at or above the cut, and splits by
    average linkage only the groups that this chains together: those whose mean over all pairs is below the cut, or that
    hold a source twice.

    Args:
        num_records: of the table.
        candidates: pairs of rows.
        log_odds: of each pair, float64 (pairs,).
        cut: log-odds from which records belong together.
        grouping: "average" or "components".
        source: code of what a group may hold once only, int64 (records,), -1 for records that may stand with any; None
            sets no limit.

    Returns:
        For each record the smallest row of its group, int64 (records,).
    """
    cut = float(np.clip(cut, _LOWEST_CUT, SUREST))
    weight = np.clip(log_odds, -SUREST, SUREST)
    known = weight > -SUREST
    left, right = candidates.left[known], candidates.right[known]
    merges = average_linkage(num_records, left, right, weight[known], missing=-SUREST, stop=cut, conflict=source)
    average = merges.labels(num_records, len(merges.height))
    if grouping == "average":
        return average
    chained = _components(num_records, candidates, weight >= cut)
    size = np.bincount(chained, minlength=num_records).astype(float)
    pairs = size * (size - 1) / 2
    inside = chained[left] == chained[right]
    gain = np.bincount(chained[left[inside]], (weight[known] + SUREST)[inside], minlength=num_records)
    over = (size > 1) & (gain / np.maximum(pairs, 1) - SUREST < cut)
    if source is not None:
        keyed = source >= 0
        pair, times = np.unique(np.column_stack([chained[keyed], source[keyed]]), axis=0, return_counts=True)
        over[pair[times > 1, 0]] = True
    return np.where(over[chained], average, chained)


def _components(num_records: int, candidates: Candidates, joined: np.ndarray) -> np.ndarray:
    """Connected components, each named by its smallest row."""
    edges = (candidates.left[joined], candidates.right[joined])
    graph = sp.coo_matrix((np.ones(int(joined.sum()), bool), edges), shape=(num_records, num_records))
    component = connected_components(graph, directed=False)[1]
    first = np.unique(component, return_index=True)[1]
    return np.asarray(first[component], dtype=np.int64)
