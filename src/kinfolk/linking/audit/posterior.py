"""How many matches there are among the pairs nobody was asked about: a distribution, from the answers and the probabilities.

Within one part of the pairs (the links, or the others) a pair with stated log-odds x is a match with log-odds
``x0 + a + b (x - x0) + u``: the probabilities may be shifted (a), too bold or too timid (b), and each stratum may be off
in its own way (u). All three have wide priors centered on "as stated". Answers move them; where a stratum answered all
yes or all no, the prior keeps the interval from collapsing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinfolk.linking.map_logistic import sigmoid

_SHIFT, _STRETCH, _OWN = 4.0, 0.4, 0.5  # prior spreads of a, log b and u
_TAIL = 4  # degrees of freedom of u's prior: single strata may be far off
_CELLS = 30  # pairs of a stratum are summed up in this many groups of like log-odds
_DRAWS = 2000


def draw_totals(
    log_odds: NDArray[np.float64],
    stratum: NDArray[np.int64],
    asked: NDArray[np.int64],
    answers: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Draw from the distribution of the number of matches among the pairs of one part.

    Args:
        log_odds: trusted log-odds of each pair of the part, (n,).
        stratum: stratum of each pair, int64 (n,).
        asked: positions of the pairs that were judged, (m,).
        answers: whether each of them is a match, (m,).

    Returns:
        2,000 draws, the same in every run; integers as float64.
    """
    rng = np.random.default_rng(0)
    if not len(log_odds):
        return np.zeros(_DRAWS)
    strata = np.unique(stratum)
    weight = sigmoid(log_odds) * sigmoid(-log_odds)
    center = float((log_odds * weight).sum() / weight.sum())

    shift_grid, stretch_grid = np.linspace(-12.0, 12.0, 97), np.linspace(-3.0, 3.0, 13) * _STRETCH
    shift, stretch = (grid.ravel() for grid in np.meshgrid(shift_grid, stretch_grid, indexing="ij"))
    own, own_prior, own_width = _own_grid()
    by_stratum = []  # log of prior times likelihood, for each stratum: (shift and stretch, own)
    for number in strata:
        inside = stratum[asked] == number
        linear = center + shift[:, None] + np.exp(stretch)[:, None] * (log_odds[asked[inside]] - center)
        sign = np.where(answers[inside], 1.0, -1.0)
        likelihood = -np.logaddexp(0.0, -sign[:, None] * (linear[:, :, None] + own)).sum(axis=1)
        by_stratum.append(likelihood + own_prior)
    posterior = -0.5 * (shift / _SHIFT) ** 2 - 0.5 * (stretch / _STRETCH) ** 2
    posterior += sum(np.logaddexp.reduce(values, axis=1) for values in by_stratum)

    picked = _pick(posterior, rng)
    a = shift[picked] + (rng.random(_DRAWS) - 0.5) * (shift_grid[1] - shift_grid[0])
    b = np.exp(stretch[picked] + (rng.random(_DRAWS) - 0.5) * (stretch_grid[1] - stretch_grid[0]))
    unasked = np.ones(len(log_odds), dtype=np.bool_)
    unasked[asked] = False
    totals = np.full(_DRAWS, float(answers.sum()))
    for number, values in zip(strata, by_stratum, strict=True):
        rest = np.sort(log_odds[unasked & (stratum == number)])
        if not len(rest):
            continue
        place = _pick_each(values[picked], rng)
        u = own[place] + (rng.random(_DRAWS) - 0.5) * own_width[place]
        cells = np.array_split(rest, min(_CELLS, len(rest)))
        middle, size = np.array([c.mean() for c in cells]), np.array([len(c) for c in cells])
        share = sigmoid((center + a + u)[:, None] + b[:, None] * (middle - center)) @ size / len(rest)
        totals += rng.binomial(len(rest), np.clip(share, 0.0, 1.0))
    return totals


def _own_grid() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Places of u, dense around 0 and out to 10, the log of their prior masses, and their widths."""
    places = np.sinh(np.linspace(-3.2, 3.2, 41)) / np.sinh(3.2) * 10.0
    width = np.gradient(places)
    log_prior = -(_TAIL + 1) / 2 * np.log1p((places / _OWN) ** 2 / _TAIL) + np.log(width)
    return places, log_prior - np.logaddexp.reduce(log_prior), width


def _pick(log_weight: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Systematic draws of cells in proportion to their weights, in random order."""
    cumulative = np.cumsum(np.exp(log_weight - log_weight.max()))
    points = (rng.random() + np.arange(_DRAWS)) / _DRAWS * cumulative[-1]
    return rng.permutation(np.minimum(np.searchsorted(cumulative, points), len(log_weight) - 1))


def _pick_each(log_weight: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """One cell for each row, in proportion to the row's weights."""
    cumulative = np.cumsum(np.exp(log_weight - log_weight.max(axis=1, keepdims=True)), axis=1)
    point = rng.random((len(log_weight), 1)) * cumulative[:, -1:]
    return np.asarray(np.minimum((cumulative < point).sum(axis=1), log_weight.shape[1] - 1), dtype=np.int64)
