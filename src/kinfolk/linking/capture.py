"""The share of the true pairs that are candidates, without truth: by how many searches each likely match was found.

Each search names for every record of either table its nearest record of the other: a list of pairs for each direction.
As with animals that are caught, marked and caught again, matches that many lists name say that few are in none.
With Z_j matches that only list j names and f_2 that two lists name, the lists miss the sum over pairs of lists of
Z_i Z_j, divided by f_2 + 1, matches, if they are independent. This is the estimate of Chao (Biometrics 45, 1989) for lists
of unequal reach, and for two lists that of Chapman (1951).

Searches are not independent: a record with many errors is far from its partner in all of them. Ten neighbors long, the
lists share nearly all their matches and the estimate says that nothing is missing, so here they are cut to the nearest;
and what it says then is multiplied. The factor was chosen on data with known truth; see ``_DEPENDENCE``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinfolk.evaluation.interval import Interval
from kinfolk.linking.candidates import Candidates, Neighbors

# On five development sets and on generated persons 0 to 7 times as many matches were missed as independent lists would
# miss; on IMDb-DBpedia 93 times, as almost 30 % of its matches have too little in common for any search.
_DEPENDENCE, _MOST_DEPENDENCE = 3.0, 10.0
_FEWEST_MISSED = 3.0  # what was not seen once may still happen three times in as many (95 %)
_MOST_SEARCHES = 32
_DRAWS = 2_000


def nearest_of(searches: Sequence[Neighbors], candidates: Candidates, num_right: int) -> np.ndarray:
    """Which searches name each candidate pair as nearest.

    Args:
        searches: by different parts of the records; the first 32 count.
        candidates: the union of their pairs, and maybe others.
        num_right: records of the right table.

    Returns:
        uint64 (pairs,): bit 2 s is set if the right record is the nearest of the left one in search s, bit 2 s + 1 if
        the left record is the nearest of the right one.
    """
    keys = candidates.left.astype(np.int64) * num_right + candidates.right
    bits = np.zeros(len(keys), dtype=np.uint64)
    for number, search in enumerate(searches[:_MOST_SEARCHES]):
        for direction, (left, right) in enumerate(search.nearest_pairs()):
            named = np.searchsorted(keys, left.astype(np.int64) * num_right + right)
            bits[named] |= np.uint64(1 << (2 * number + direction))
    return bits


def estimate_candidate_recall(nearest: np.ndarray, probability: np.ndarray) -> Interval | None:
    """The share of the true pairs that are candidates.

    The lower end allows for ten times as many missed matches as independent lists would miss, and for the chance in the
    numbers of matches; the upper end is 1, since the searches look farther than the nearest record. Matches whose records
    have nothing in common that a search sees are beyond any such estimate.

    Args:
        nearest: of pairs that do not exclude each other, as ``nearest_of`` gives it, uint64 (pairs,).
        probability: their match probability, (pairs,).

    Returns:
        The share, in (0, 1]; None where there are fewer than two searches, or no match to expect.
    """
    used = int(np.bitwise_or.reduce(nearest, initial=np.uint64(0)))
    lists = [bit for bit in range(2 * _MOST_SEARCHES) if used >> bit & 1]
    named = (nearest[:, None] >> np.array(lists, dtype=np.uint64) & np.uint64(1)).astype(bool)
    times = named.sum(axis=1)
    found = float(probability[times > 0].sum())
    if len({bit // 2 for bit in lists}) < 2 or found < 1:
        return None
    alone = probability[times == 1] @ named[times == 1]
    twice = float(probability[times == 2].sum())
    rng = np.random.default_rng(0)
    draws = _missed(rng.poisson(alone, (_DRAWS, len(lists))), rng.poisson(twice, _DRAWS))
    most = max(_FEWEST_MISSED, _MOST_DEPENDENCE * float(np.quantile(draws, 0.975)))
    value = found / (found + _DEPENDENCE * float(_missed(alone, twice)))
    return Interval(value, min(value, found / (found + most)), 1.0)


def _missed(alone: np.ndarray, twice: float | np.ndarray) -> np.ndarray:
    """Matches in no list: half of (sum Z)^2 - sum Z^2 is the sum of Z_i Z_j over pairs of lists."""
    return np.asarray((alone.sum(axis=-1) ** 2 - (alone**2).sum(axis=-1)) / 2 / (twice + 1))
