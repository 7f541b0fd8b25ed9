"""Which pairs are worth a look: certain ones, doubtful ones on both sides of the cut, what lost to a better link."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinfolk.report.pair_table import PairTable
from kinfolk.report.score_summary import Bools, Ints, sides_with_one_partner


@dataclass(frozen=True)
class ExampleGroup:
    """Pairs shown under one heading.

    Attributes:
        key: short name, used as an id on the page.
        title: the heading.
        about: a sentence that says how these pairs were chosen.
        pairs: their positions among the candidates.
    """

    key: str
    title: str
    about: str
    pairs: tuple[int, ...]


def choose_examples(pairs: PairTable, *, num_each: int = 5) -> tuple[ExampleGroup, ...]:
    """The groups of examples, without those that are empty; the same pairs each time.

    Args:
        pairs: every candidate.
        num_each: how many pairs a group may have; the certain ones get two less, as they teach least.
    """
    links = np.flatnonzero(pairs.link)
    by_certainty = links[np.argsort(-pairs.probability[links], kind="stable")]
    doubtful = by_certainty[::-1][:num_each]
    # Spread over the upper half: the very first links are often identical twins, which show nothing.
    upper = by_certainty[: max(1, len(by_certainty) // 2)]
    certain = [int(p) for p in _spread(upper, max(1, num_each - 2)) if p not in set(doubtful.tolist())]
    nearly = _best(pairs, ~pairs.link & pairs.eligible, num_each)
    lost = _best(pairs, ~pairs.link & ~pairs.eligible & _record_taken(pairs), num_each - 1)
    groups = (
        ExampleGroup("certain", "Certain", "A few from the more certain half of the links.", tuple(certain)),
        ExampleGroup(
            "doubtful",
            f"Doubtful, and {pairs.linked_word}",
            "The ones with the lowest probability. If these are right, the others most likely are too.",
            tuple(int(p) for p in doubtful),
        ),
        ExampleGroup(
            "nearly",
            f"Nearly {pairs.linked_word}",
            "The most probable pairs in different clusters. If these are wrong, little was missed."
            if pairs.grouped
            else "The best pairs below the cut that no better link kept out. If these are wrong, little was missed.",
            tuple(nearly),
        ),
        ExampleGroup(
            "lost",
            "Lost to a better link",
            "Good pairs that were not linked because one of their records has a better partner.",
            tuple(lost),
        ),
    )
    return tuple(group for group in groups if group.pairs)


def _spread(positions: Ints, number: int) -> Ints:
    """At most ``number`` entries at even distances."""
    if len(positions) <= number:
        return positions
    return positions[np.linspace(0, len(positions) - 1, number).round().astype(np.int64)]


def _best(pairs: PairTable, among: Bools, number: int) -> list[int]:
    """The most probable pairs of a selection, each record used once so that no single record fills the page."""
    positions = np.flatnonzero(among)
    # Far more than needed, so that skipping repeated records still leaves enough, without sorting millions.
    head = positions[np.argsort(-pairs.probability[positions], kind="stable")[: 40 * max(number, 1)]]
    seen_left: set[int] = set()
    seen_right: set[int] = set()
    chosen: list[int] = []
    for p in head.tolist():
        left, right = int(pairs.left_rows[p]), int(pairs.right_rows[p])
        if left not in seen_left and right not in seen_right:
            chosen.append(p)
            seen_left.add(left)
            seen_right.add(right)
        if len(chosen) == number:
            break
    return chosen


def _record_taken(pairs: PairTable) -> Bools:
    """Pairs one of whose records is linked elsewhere, and may have one partner only."""
    taken = np.zeros(len(pairs.link), dtype=np.bool_)
    for rows in sides_with_one_partner(pairs.left_rows, pairs.right_rows, pairs.relation):
        taken |= np.isin(rows, rows[pairs.link])
    return taken
