"""Match probability where records of both sides may have several partners, and how many they seem to have.

Winners are told from decoys as in ``match``, but the decoys are what wins once the best 1, 2, 4 or 8 pairs of every record
are gone. With too few taken away the decoys are matches, and winners cannot be told from them; with too many they are pairs
that nobody would confuse with a match, and whatever is better than those passes for one. In between the probabilities
divide best into near 0 and near 1: the number of partners is the one that leaves the least doubt.
"""

from __future__ import annotations

import numpy as np

from kinfolk.linking.compare import Comparisons
from kinfolk.linking.match import Evidence, match_without_labels
from kinfolk.linking.rivals import Contest

CLEAR = 0.1  # doubt below which matches stand apart from everything else
_NUM_PARTNERS = (1, 2, 4, 8)
_NOTHING_TO_GAIN = 0.02  # doubt that another number of partners need not try to lower
_OF_A_TABLE = 4  # at most one in so many records of the larger table may be partners of one record
FEW_ROUNDS = 3  # of learning: enough to see how far matches stand apart


def doubt_of(probability: np.ndarray) -> float:
    """How far matches fail to stand apart: sum of p (1 - p) over sum of p, in [0, 1]; 1 where no pair is probable.

    Args:
        probability: of the pairs that may all be matches, (n,).
    """
    if not (probability > 0.5).any():
        return 1.0
    return float((probability * (1 - probability)).sum() / probability.sum())


def match_several(comparisons: Comparisons, contest: Contest) -> Evidence:
    """Estimate the match probability of every candidate pair if no pairs exclude each other.

    Args:
        comparisons: what was compared, one row for each candidate pair.
        contest: the candidate pairs; neither side links once only.
    """
    num_partners, _ = look_for_several(comparisons, contest)
    return match_without_labels(comparisons, contest, num_partners=num_partners)


def look_for_several(comparisons: Comparisons, contest: Contest) -> tuple[int, Evidence]:
    """Find how many partners a record seems to have at most, and a first evidence that excludes no pairs.

    Args:
        comparisons: what was compared, one row for each candidate pair.
        contest: the candidate pairs; neither side links once only.
    """
    least = 2.0  # more than any doubt
    most = max(1, max(contest.num_left, contest.num_right) // _OF_A_TABLE)
    for num_partners in (number for number in _NUM_PARTNERS if number <= most):
        evidence = match_without_labels(comparisons, contest, FEW_ROUNDS, num_partners=num_partners)
        doubt = doubt_of(evidence.probability)
        if doubt < least:
            least, best = doubt, (num_partners, evidence)
        elif least < CLEAR:
            break
        if least < _NOTHING_TO_GAIN:
            break
    return best
