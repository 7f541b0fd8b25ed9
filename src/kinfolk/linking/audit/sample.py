"""Which pairs to ask about: a stratified random sample, denser where doubt is, that can be extended at any time.

Candidate pairs are parted into links and others, and each part into six strata by probability. Within a stratum every
pair has the same chance of being drawn, so that counts can be scaled up without bias. The strata of the links hold
equally many pairs. Those of the others hold equal shares of the summed doubt, the square root of the variance of the
answer (Dalenius and Hodges 1959), so that drawing equally often from each is close to the allocation of least variance
(Neyman 1934): certain non-matches are many, so each of them is drawn rarely, but never not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kinfolk.linking.map_logistic import logit, sigmoid

_STRATA = 6  # of each part; five rounds of twelve are sixty questions
_SPREAD = 1.5  # what the stated log-odds may be off by (standard deviation) when doubt is reckoned
_HIGHEST = 0.99  # a stated probability is trusted no further than this ...
_LEAST_SHARE = (
    0.002  # ... and a low one no further than that all pairs together hold this share of the expected matches
)


@dataclass(frozen=True, eq=False)
class Sample:
    """The strata of all candidate pairs and the pairs to ask about.

    Attributes:
        log_odds: of each candidate pair, as far as the stated probability is trusted, (n,).
        stratum: number of each pair's stratum, links first, most probable first, int64 (n,).
        linked: for each stratum whether it holds links, bool (num_strata,).
        drawn: positions of the pairs to ask about, in the order of asking, int64.
    """

    log_odds: NDArray[np.float64]
    stratum: NDArray[np.int64]
    linked: NDArray[np.bool_]
    drawn: NDArray[np.int64]


def draw_sample(probability: NDArray[np.float64], link: NDArray[np.bool_], size: int, *, seed: int = 0) -> Sample:
    """Draw pairs round by round: one of every stratum, in random order, until ``size`` are drawn.

    A larger sample begins with the smaller one, so that answers are never lost, and whoever stops after a full round
    has a balanced sample. The order within a round is random, so that the place of a pair says nothing about it.

    Args:
        probability: stated probability of each candidate pair, (n,).
        link: which of them are links, (n,).
        size: pairs to draw; all of them if there are fewer.
        seed: another seed draws another sample.
    """
    log_odds = _trusted(probability)
    stratum = np.zeros(len(probability), dtype=np.int64)
    linked: list[bool] = []
    for part in (True, False):
        members = np.flatnonzero(link == part)
        if not len(members):
            continue
        members = members[np.argsort(-probability[members], kind="stable")]
        weight = np.ones(len(members)) if part else np.sqrt(_variance(log_odds[members]))
        share = (np.cumsum(weight) - 0.5 * weight) / weight.sum()
        numbers = np.minimum((share * _STRATA).astype(np.int64), _STRATA - 1)
        _, numbers = np.unique(numbers, return_inverse=True)  # few pairs leave numbers unused
        stratum[members] = numbers + len(linked)
        linked += [part] * (int(numbers.max()) + 1)
    drawn = _rounds(stratum, len(linked), min(size, len(probability)), seed)
    return Sample(log_odds, stratum, np.array(linked, dtype=np.bool_), drawn)


def _trusted(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of the stated probabilities, pulled in at both ends: no model knows one in a million."""
    least = _LEAST_SHARE * max(float(probability.sum()), 1.0) / max(len(probability), 1)
    return logit(np.clip(probability, min(least, 0.05), _HIGHEST))


def _variance(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean variance of a yes/no answer when the log-odds are off by a normal error."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(7)
    total = np.zeros(len(log_odds))
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        share = sigmoid(log_odds + _SPREAD * node)
        total += weight * share * (1 - share)
    return total


def _rounds(stratum: NDArray[np.int64], num_strata: int, size: int, seed: int) -> NDArray[np.int64]:
    # Each stratum is shuffled by a generator of its own, so that one more round changes nothing that was drawn before.
    waiting = [
        np.random.default_rng([seed, number]).permutation(np.flatnonzero(stratum == number))
        for number in range(num_strata)
    ]
    turns = np.random.default_rng([seed, num_strata])
    drawn: list[int] = []
    place = 0
    while len(drawn) < size:
        one_round = [int(pairs[place]) for pairs in waiting if place < len(pairs)]
        drawn += turns.permutation(one_round).tolist()
        place += 1
    return np.array(drawn[:size], dtype=np.int64)
