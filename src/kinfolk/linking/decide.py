"""From probabilities to links: a cut that maximizes the expected F1, one assignment, and a reason for every record left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kinfolk.linking.assignment import best_assignment
from kinfolk.linking.rivals import Contest

NO_CANDIDATE = "no candidate"
BELOW_THE_CUT = "below the cut"
LOST = "lost to a better link"

_AT_THE_CUT = 1e-9  # a pair at the cut itself is a link, if nothing better takes its records
_SETTLED = 0.998  # about as probable as a judged pair (.999)

UNLINKED = pa.schema(
    {
        "side": pa.string(),
        "row": pa.int32(),
        "reason": pa.string(),
        "rival": pa.int32(),
        "winner": pa.int32(),
        "probability": pa.float64(),
    }
)
"""The columns of the records without a link; see ``Links.unlinked``."""


@dataclass(frozen=True)
class Decision:
    """Which candidate pairs are links, and the cut on the probability.

    Attributes:
        link: bool (pairs,).
        threshold: the cut.
        standing: positions of the pairs that are links or would be at a lower cut, as their records are free.
    """

    link: np.ndarray
    threshold: float
    standing: np.ndarray


def decide(probability: np.ndarray, contest: Contest, threshold: float | None = None) -> Decision:
    """Choose the links.

    Where both records of a pair are exclusive, the links are those with the largest sum of p - cut. That is what
    maximizes the expected F1: with E matches expected it is 2 * sum(p) / (links + E), and links beat a value F of it
    exactly if sum(p - F / 2) over them is larger than F E / 2; F / 2 at the best F is the cut (Dinkelbach, Management
    Science 13, 1967). Log-odds in place of p would pass over pairs below .5 and count one at .9999 more than many at .6.
    What is as probable as a judged pair is not given up for two that are less so, for their probabilities contradict it.

    Args:
        probability: match probability of each candidate pair.
        contest: which pairs exclude each other.
        threshold: the cut; None takes the one with the highest expected F1 when the most probable pair comes first.
    """
    everyone = np.arange(len(probability))
    winners = contest.winners(probability, everyone)
    cut = best_expected_cut(probability[winners]) if threshold is None else threshold
    link = np.zeros(len(probability), dtype=bool)
    link[winners[probability[winners] >= cut]] = True
    if contest.left_once and contest.right_once:
        pairs = contest.candidates
        above = np.flatnonzero(probability >= cut)
        gain = probability[above] - cut + np.where(probability[above] >= _SETTLED, 2.0, _AT_THE_CUT)
        best = best_assignment(pairs.left[above], pairs.right[above], gain, contest.num_left, contest.num_right)
        link[:] = False
        link[above[best]] = True
    return Decision(link, float(cut), contest.winners(probability + 2.0 * link, everyone))


def best_expected_cut(probability: np.ndarray) -> float:
    """The cut with the highest expected F1 when these probabilities are right; 1 when nothing should be linked.

    With the k most probable pairs linked, expected F1 is about 2 * sum of the first k / (k + sum of all). With none linked
    it is the probability that there are no matches: then, and only then, nothing was missed.
    """
    if not len(probability):
        return 1.0
    ordered = np.sort(probability)[::-1]
    expected = 2 * np.cumsum(ordered) / (np.arange(1, len(ordered) + 1) + ordered.sum())
    return 1.0 if np.prod(1 - ordered) > expected.max() else float(ordered[int(np.argmax(expected))])


def unlinked(probability: np.ndarray, decision: Decision, contest: Contest) -> pa.Table:
    """Every record without a link, with its best candidate and the reason."""
    left, right = contest.candidates.left, contest.candidates.right
    parts = [
        _side("left", left, right, contest.num_left, contest.num_right, probability, decision, contest.right_once),
        _side("right", right, left, contest.num_right, contest.num_left, probability, decision, contest.left_once),
    ]
    return pa.concat_tables(parts)


def _side(
    side: str,
    own: np.ndarray,
    other: np.ndarray,
    num_own: int,
    num_other: int,
    probability: np.ndarray,
    decision: Decision,
    other_once: bool,
) -> pa.Table:
    linked = np.zeros(num_own, dtype=bool)
    linked[own[decision.link]] = True
    alone = np.flatnonzero(~linked)
    order = np.lexsort((-probability, own))
    first = np.searchsorted(own[order], alone)
    has = (
        (first < len(order)) & (own[order][np.minimum(first, len(order) - 1)] == alone)
        if len(order)
        else np.zeros(len(alone), dtype=bool)
    )
    best = order[np.minimum(first, max(0, len(order) - 1))] if len(order) else np.zeros(len(alone), dtype=np.int64)
    taken_by = np.full(num_other, -1, dtype=np.int64)
    taken_by[other[decision.link]] = own[decision.link]
    rival = np.where(has, other[best] if len(order) else 0, 0)
    chance = np.where(has, probability[best] if len(order) else 0.0, 0.0)
    winner = np.where(has & other_once & (chance >= decision.threshold), taken_by[rival] if num_other else -1, -1)
    reason = np.where(~has, NO_CANDIDATE, np.where(winner >= 0, LOST, BELOW_THE_CUT))
    return pa.table(
        {
            "side": pa.array([side] * len(alone), pa.string()),
            "row": alone.astype(np.int32),
            "reason": pa.array(reason.tolist(), pa.string()),
            "rival": pa.array(rival, pa.int32(), mask=~has),
            "winner": pa.array(winner, pa.int32(), mask=winner < 0),
            "probability": pa.array(chance, pa.float64(), mask=~has),
        },
        schema=UNLINKED,
    )
