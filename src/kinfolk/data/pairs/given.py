"""Pairs that someone named by their ids."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from kinfolk.data.pairs.rows import PairRows, capped
from kinfolk.errors import ConfigurationError, DataError


def pairs_of_ids(
    left: Sequence[Hashable],
    right: Sequence[Hashable],
    *,
    left_ids: Sequence[Hashable],
    right_ids: Sequence[Hashable] | None = None,
    per_anchor: int = 4,
    seed: int = 0,
) -> PairRows:
    """The rows of pairs of ids, each pair once.

    Args:
        left, right: the ids of each pair, as in the columns of links.
        left_ids: of the rows of the anchors, each once.
        right_ids: of the rows of the positives; None where they are rows of the same table, and then a row is no positive of
            itself.
        per_anchor: pairs of one anchor at most, at least 1, drawn at random.
        seed: of the draw.

    Raises:
        DataError: an id that no row has.
        ConfigurationError: tables that do not fit, an id that two rows have, or per_anchor below 1.
    """
    if len(left) != len(right):
        raise ConfigurationError(f"left and right must be of one length. Got {len(left)} and {len(right)}.")
    sides = []
    for name, named, ids in (("left", left, left_ids), ("right", right, left_ids if right_ids is None else right_ids)):
        row_of = {one: row for row, one in enumerate(ids)}
        if len(row_of) != len(ids):
            raise ConfigurationError(f"{name}_ids must be different. Got {len(ids) - len(row_of):,} that came before.")
        unknown = [at for at, one in enumerate(named) if one not in row_of]
        if unknown:
            raise DataError(
                f"Pair {unknown[0] + 1} names {named[unknown[0]]!r} on the {name}, which no row has ({len(unknown):,} such pairs). "
                "Check that the pairs are of this table."
            )
        sides.append(np.fromiter((row_of[one] for one in named), np.int64, count=len(named)))
    anchors, positives = sides
    if right_ids is None:
        apart = anchors != positives
        anchors, positives = anchors[apart], positives[apart]
    return capped(anchors, positives, per_anchor=per_anchor, seed=seed)
