"""From probabilities to links: one assignment, a cut that maximizes the expected F1, and a reason for every record left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kinfolk.linking.rivals import Contest

NO_CANDIDATE = "no candidate"
BELOW_THE_CUT = "below the cut"
LOST = "lost to a better link"

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
    """Which candidate pairs are links, and the cut on the probability."""

    link: np.ndarray
    threshold: float


def decide(probability: np.ndarray, contest: Contest, threshold: float | None = None) -> Decision:
    """Choose the links.

    Args:
        probability: match probability of each candidate pair.
        contest: which pairs exclude each other.
        threshold: the cut; None takes the one with the highest expected F1.
    """
    winners = contest.winners(probability, np.arange(len(probability)))
    cut = best_expected_cut(probability[winners]) if threshold is None else threshold
    link = np.zeros(len(probability), dtype=bool)
    link[winners[probability[winners] >= cut]] = True
    return Decision(link, float(cut))


def best_expected_cut(probability: np.ndarray) -> float:
    """The cut with the highest expected F1 when these probabilities are right; 1 when nothing should be linked.

    With the k most probable pairs linked, expected F1 is about 2 * sum of the first k / (k + sum of all).
    """
    if not len(probability):
        return 1.0
    ordered = np.sort(probability)[::-1]
    expected = 2 * np.cumsum(ordered) / (np.arange(1, len(ordered) + 1) + ordered.sum())
    return float(ordered[int(np.argmax(expected))])


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
