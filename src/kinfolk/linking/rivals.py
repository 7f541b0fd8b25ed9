"""Competition: how far a pair is ahead of the best other candidate of either record, and what would win without it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinfolk.linking.candidates import Candidates
from kinfolk.linking.kernels import best_two, take_greedily

ONCE = {
    "one-to-one": (True, True),
    "many-to-one": (True, False),
    "one-to-many": (False, True),
    "many-to-many": (False, False),
}
"""For each relation: may a left record be linked once only, and a right record once only."""


@dataclass(frozen=True)
class Contest:
    """Candidate pairs, and which of them exclude each other.

    Attributes:
        candidates: the pairs.
        num_left, num_right: records of the two tables.
        left_once, right_once: whether a record of that side has at most one partner.
    """

    candidates: Candidates
    num_left: int
    num_right: int
    left_once: bool = True
    right_once: bool = True

    @property
    def exclusive(self) -> bool:
        """Whether any pairs exclude each other."""
        return self.left_once or self.right_once

    def margins(self, scores: np.ndarray, pairs: np.ndarray) -> np.ndarray:
        """For each pair, how far its score is ahead of the best rival's on the left, on the right, and the smaller one.

        Args:
            scores: float64 for every candidate pair.
            pairs: positions of the pairs that take part; the others do not exist.

        Returns:
            (len(pairs), 3); negative where a rival is better, 0 on a side whose records may have many partners.
        """
        among = scores[pairs]
        floor = float(np.quantile(among, 0.05)) if len(among) else 0.0
        columns = [
            margin_to_rivals(keys[pairs], size, among, floor) if once else np.zeros(len(pairs))
            for keys, size, once in (
                (self.candidates.left, self.num_left, self.left_once),
                (self.candidates.right, self.num_right, self.right_once),
            )
        ]
        used = [c for c, once in zip(columns, (self.left_once, self.right_once), strict=True) if once]
        return np.column_stack([*columns, np.minimum.reduce(used) if used else columns[0]])

    def winners(self, scores: np.ndarray, pairs: np.ndarray) -> np.ndarray:
        """Positions within ``pairs`` taken greedily by score so that no exclusive record is used twice."""
        order = np.argsort(-scores, kind="stable")
        taken = take_greedily(
            order,
            self.candidates.left[pairs],
            self.candidates.right[pairs],
            self.num_left,
            self.num_right,
            self.left_once,
            self.right_once,
        )
        return np.flatnonzero(taken)


def margin_to_rivals(keys: np.ndarray, size: int, scores: np.ndarray, floor: float) -> np.ndarray:
    """How far each score is ahead of the best other score with its key; a rival counts as ``floor`` at least.

    Args:
        keys: row of each pair, (n,).
        size: number of rows.
        scores: (n,).
        floor: the rival of a pair that has none.
    """
    best, second = best_two(keys, size, scores, floor)
    ahead: np.ndarray = np.where(scores >= best[keys], scores - second[keys], scores - best[keys])
    return ahead
