"""Pairs as numbers of rows, and the texts they stand for."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.data.texts import Texts, numbered
from kinfolk.errors import ConfigurationError, DataError

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class PairRows:
    """Rows that belong together, in the order of their anchors.

    Attributes:
        anchors: int64 (pairs,), from 0.
        positives: of each, int64 (pairs,).
    """

    anchors: Rows
    positives: Rows

    def __len__(self) -> int:
        return len(self.anchors)


def capped(anchors: Rows, positives: Rows, *, per_anchor: int, seed: int, weights: Rows | None = None) -> PairRows:
    """Some of the pairs, each once: for an anchor those that weigh most, of equal weight drawn at random.

    Args:
        anchors, positives: rows, (pairs,), in any order; the order does not change what is kept.
        per_anchor: pairs of one anchor at most, at least 1.
        seed: of the draw.
        weights: of each pair, (pairs,); None weighs all alike.

    Raises:
        ConfigurationError: per_anchor below 1.
    """
    check_per_anchor(per_anchor)
    weights = np.zeros(len(anchors), np.int64) if weights is None else weights
    order = np.lexsort((-weights, positives, anchors))
    again = np.zeros(len(order), np.bool_)
    again[1:] = (np.diff(anchors[order]) == 0) & (np.diff(positives[order]) == 0)
    kept = order[~again]
    drawn = np.random.default_rng(seed).permutation(len(kept))
    ranked = kept[np.lexsort((drawn, -weights[kept], anchors[kept]))]
    rows = ranked[kept_first(anchors[ranked], per_anchor)]
    rows = rows[np.lexsort((positives[rows], anchors[rows]))]
    return PairRows(anchors[rows], positives[rows])


def kept_first(ordered: Rows, most: int) -> Rows:
    """Places of the first few of each run of equal numbers, int64."""
    places = np.arange(len(ordered))
    starts = np.flatnonzero(np.concatenate([[True], np.diff(ordered) != 0])) if len(ordered) else places
    return places[places - np.repeat(starts, np.diff([*starts, len(ordered)])) < most]


def check_per_anchor(per_anchor: int) -> None:
    """Refuse to give an anchor no pair.

    Raises:
        ConfigurationError: per_anchor below 1.
    """
    if per_anchor < 1:
        raise ConfigurationError(f"per_anchor must be at least 1. Got {per_anchor}.")


def texts_of_pairs(
    pairs: PairRows,
    anchors: Sequence[str],
    positives: Sequence[str] | None = None,
    *,
    groups: Sequence[Hashable | None] | None = None,
) -> Texts:
    """The texts of pairs, for a method that learns from pairs; a pair that lacks one of them is left out.

    Args:
        pairs: numbers of rows.
        anchors: the text of each row.
        positives: the text of each row as a positive; None takes the same as for anchors.
        groups: of the rows of the anchors, such as the labels that the pairs were made of: texts of one group are no negatives
            of each other. None or "" for a row without.

    Raises:
        DataError: no pair has both its texts.
        ConfigurationError: not one group a row.
    """
    positives = anchors if positives is None else positives
    if groups is not None and len(groups) != len(anchors):
        raise ConfigurationError(f"groups must be one a row. Got {len(groups)} for {len(anchors)} rows.")
    filled = np.flatnonzero(
        [bool(anchors[a].strip() and positives[p].strip()) for a, p in zip(pairs.anchors, pairs.positives, strict=True)]
    )
    if not len(filled):
        raise DataError(f"None of the {len(pairs):,} pairs has both its texts. Check the columns and the pairs.")
    rows = pairs.anchors[filled]
    return Texts(
        (tuple(anchors[row] for row in rows), tuple(positives[row] for row in pairs.positives[filled])),
        rows,
        groups=None if groups is None else numbered(groups)[rows],
    )
