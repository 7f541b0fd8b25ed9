"""How many winners may be wrong, for the intervals: a decoy is a second choice, a wrong winner a first one.

The match probability takes decoys to look like wrong winners (``match``). Where a record has its partner, they do: the
partner won, and the decoy is the best of the strangers. Where it has none, the best of the strangers won, and the decoy
is the second best, which scores lower. So wrong winners are more, and score higher, than decoys let believe, and all the
more the fewer records have a partner.

If the strangers of a record that score at least s are a Poisson number with mean L(s), the best one scores s with
probability 1 - exp(-L), the second with 1 - (1 + L) exp(-L). With a share q of records with a partner, decoys reach s with
the probability q (1 - exp(-L)) + (1 - q) (1 - (1 + L) exp(-L)). That is solved for L. Strangers that come in numbers to some
records and hardly to others make L too large, so this is the careful end of an interval and no better estimate.
"""

from __future__ import annotations

import numpy as np

_MEANS = np.logspace(-8, 2.5, 4_000)
_BINS = 50


def careful_probability(winners: np.ndarray, decoys: np.ndarray, share_matched: float) -> np.ndarray:
    """The share of matches among winners of each score, if decoys are second choices.

    Args:
        winners: scores of the winning pairs, without what they owe to their rivals, (n,).
        decoys: scores of the pairs that win once the winners are gone.
        share_matched: share of the winners that are matches, in [0, 1].

    Returns:
        Shares in [0, 1], not decreasing in the score, (n,); ones where there are no decoys.
    """
    from sklearn.isotonic import IsotonicRegression

    if not len(winners) or not len(decoys):
        return np.ones(len(winners))
    # Edges are scores of winners, so that no bin is empty.
    edges = np.unique(np.quantile(winners, np.linspace(0, 1, _BINS + 1)[:-1], method="lower"))
    reached = (len(decoys) - np.searchsorted(np.sort(decoys), edges)) / max(len(winners), len(decoys))
    best = best_stranger(reached, share_matched)
    wrong = (1 - share_matched) * len(winners) * -np.diff(best, append=0.0)
    bins = np.searchsorted(edges, winners, side="right") - 1
    sizes = np.bincount(bins, minlength=len(edges))
    falling = IsotonicRegression(y_min=0.0, y_max=1.0, increasing=False)
    falling.fit(edges, wrong / sizes, sample_weight=sizes)
    return np.asarray(1 - falling.predict(edges))[bins]


def best_stranger(reached: np.ndarray, share_matched: float) -> np.ndarray:
    """Probability that a record's best stranger reaches a score, from how often decoys do.

    Args:
        reached: share of the records whose decoy reaches each score, in [0, 1].
        share_matched: share of the records with a partner, in [0, 1].
    """
    first = -np.expm1(-_MEANS)
    second = first - _MEANS * np.exp(-_MEANS)
    return np.asarray(np.interp(reached, share_matched * first + (1 - share_matched) * second, first))
