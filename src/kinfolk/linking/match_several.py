"""Match probability where records of both sides may have several partners, and how many they seem to have.

Winners are told from decoys as in ``match``, but the decoys are what wins once the best 1, 2, 3, ... pairs of every record
are gone. With too few taken away the decoys are matches, and winners cannot be told from them; with too many they are pairs
that nobody would confuse with a match, and whatever is better than those passes for one. In between the probabilities
divide best into near 0 and near 1: the number of partners is the one that leaves the least doubt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinfolk.linking.compare import Comparisons
from kinfolk.linking.match import Evidence, match_without_labels
from kinfolk.linking.rivals import Contest

_NUM_PARTNERS = (1, 2, 3, 4, 6, 8)
CLEAR = 0.1  # doubt below which matches stand apart from everything else


@dataclass(frozen=True)
class Several:
    """Evidence for every candidate pair by itself.

    Attributes:
        evidence: of every candidate pair, rivals left out.
        num_partners: that a record seems to have at most.
        doubt: expected share of the matches that look like non-matches, sum of p (1 - p) over sum of p; 1 without matches.
    """

    evidence: Evidence
    num_partners: int
    doubt: float


def match_several(comparisons: Comparisons, contest: Contest) -> Several:
    """Estimate the match probability of every candidate pair if no pairs exclude each other.

    Args:
        comparisons: what was compared, one row for each candidate pair.
        contest: the candidate pairs, without sides that link once only.
    """
    best: Several | None = None
    for num_partners in _NUM_PARTNERS:
        evidence = match_without_labels(comparisons, contest, num_partners=num_partners)
        probability = evidence.probability
        expected = float(probability.sum())
        likely = bool((probability > 0.5).any())
        doubt = float((probability * (1 - probability)).sum()) / expected if likely else 1.0
        if best is not None and doubt >= best.doubt:
            if best.doubt < CLEAR:
                break
            continue
        best = Several(evidence, num_partners, doubt)
    assert best is not None
    return best
