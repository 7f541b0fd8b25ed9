"""What is linked by letters alone: the pairs that a text encoder learns from before it is asked itself.

Source: pairs that a first matcher is sure of, taken as labels for the next, are self-training (Yarowsky, ACL 1995).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kinfolk.data import Records
from kinfolk.linking.candidate_search import find_candidates
from kinfolk.linking.candidates import Neighbors
from kinfolk.linking.compare import Field, compare
from kinfolk.linking.condition import PairCondition
from kinfolk.linking.labels import Labels
from kinfolk.linking.relation import match_by_relation
from kinfolk.linking.rivals import Contest
from kinfolk.linking.spaces import Space

_LEAST_PROBABILITY = 0.5


@dataclass(frozen=True)
class LikelyPairs:
    """Pairs of rows that are the same thing, more probably than not.

    Attributes:
        left, right: rows, int64 (pairs,).
        probability: of a match, (pairs,), above 1/2.
    """

    left: np.ndarray
    right: np.ndarray
    probability: np.ndarray

    def __len__(self) -> int:
        return len(self.left)

    def take(self, rows: np.ndarray) -> LikelyPairs:
        """Some of them, in this order."""
        return LikelyPairs(self.left[rows], self.right[rows], self.probability[rows])


def likely_pairs(
    left: Records,
    right: Records,
    fields: Sequence[Field],
    whole: tuple[list[str], list[str], Space],
    near: Neighbors,
    judged: Labels | None,
    relation: str,
    condition: PairCondition | None,
    advance: Callable[[float], None],
) -> LikelyPairs:
    """Link by n-grams and fields, without labels, and keep what wins its contest and is likely.

    Args:
        left, right: the tables.
        fields: the fields that are compared.
        whole: whole-record texts of both tables and their n-gram space.
        near: the neighbors of whole records in it.
        judged: pairs that a person judged: what is not the same thing is left out. None leaves out nothing.
        relation: one of ``RELATIONS``.
        condition: on the pairs; None lets all pass.
        advance: told the share that is done.
    """
    num_right = max(1, len(right))
    texts = whole[:2]
    candidates, _ = find_candidates(
        near, texts, fields, (), None, num_right, lambda share: advance(0.3 * share), condition
    )
    comparisons = compare(
        left, right, fields, whole, candidates.left, candidates.right, lambda share: advance(0.3 + 0.4 * share)
    )
    matched = match_by_relation(comparisons, Contest(candidates, len(left), len(right)), relation)
    probability = matched.evidence.probability
    won = matched.contest.winners(probability, np.arange(len(probability)))
    rows = won[probability[won] > _LEAST_PROBABILITY]
    found = candidates.left[rows].astype(np.int64), candidates.right[rows].astype(np.int64)
    if judged is not None:
        wrong = judged.label == 0
        refused = judged.left[wrong].astype(np.int64) * num_right + judged.right[wrong]
        kept = ~np.isin(found[0] * num_right + found[1], refused)
        rows, found = rows[kept], (found[0][kept], found[1][kept])
    return LikelyPairs(*found, probability[rows])
