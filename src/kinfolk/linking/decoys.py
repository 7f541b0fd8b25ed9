"""From the scores of winners and decoys to the probability that a winner is a match."""

from __future__ import annotations

import numpy as np

_GRID = 512


def probability_of_winners(winners: np.ndarray, decoys: np.ndarray) -> np.ndarray:
    """The share of matches among winners of each score.

    Two estimates are averaged in log-odds: a mixture whose non-match part has the density of the decoys and whose match
    part is a Gaussian fitted by EM, and a monotone ratio of the two densities scaled where winners are surely wrong.

    Args:
        winners: scores of the winning pairs.
        decoys: scores of the pairs that win once the winners are gone.

    Returns:
        Probabilities in (0, 1), not decreasing in the score.
    """
    from sklearn.isotonic import IsotonicRegression

    # Scores that differ in the last bit only, as those of a pair taken both ways round, make interpolation 0 / 0.
    winners, decoys = np.round(winners, 9), np.round(decoys, 9)
    ratio = _scaled_ratio(winners, decoys)
    mixture = _mixture(winners, decoys, ratio)
    average = 1 / (1 + np.exp(-(_logit(ratio) + _logit(mixture)) / 2))
    return np.asarray(IsotonicRegression().fit(winners, average).predict(winners))


def _logit(probability: np.ndarray) -> np.ndarray:
    clipped = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def _scaled_ratio(winners: np.ndarray, decoys: np.ndarray) -> np.ndarray:
    from sklearn.isotonic import IsotonicRegression

    edges = np.quantile(decoys, np.linspace(0, 1, 11))
    edges[0], edges[-1] = -np.inf, np.inf
    counts = [np.histogram(s, np.maximum.accumulate(edges))[0] for s in (winners, decoys)]
    share_wrong = min(1.0, float(np.median((counts[0] / np.maximum(1, counts[1]))[1:7])))
    scores = np.concatenate([winners, decoys])
    is_winner = np.repeat([1.0, 0.0], [len(winners), len(decoys)])
    curve = IsotonicRegression(out_of_bounds="clip").fit(scores, is_winner)
    width = 0.25 * float(decoys.std())
    smooth = np.mean([curve.predict(winners + d * width) for d in np.linspace(-1.5, 1.5, 13)], axis=0)
    smooth = np.clip(smooth, 1e-6, 1 - 1e-6)
    return np.asarray(np.clip(1 - share_wrong * (1 - smooth) / smooth, 0, 1))


def _mixture(winners: np.ndarray, decoys: np.ndarray, start: np.ndarray) -> np.ndarray:
    from sklearn.isotonic import IsotonicRegression

    non_match = np.interp(winners, *_density(decoys, winners))
    probability = np.clip(start, 0.01, 0.99)
    for _ in range(200):
        mean = np.average(winners, weights=probability)
        deviation = np.sqrt(np.average((winners - mean) ** 2, weights=probability)) + 1e-3
        match = np.exp(-0.5 * ((winners - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
        prevalence = np.clip(probability.mean(), 1e-6, 1 - 1e-6)  # all of one kind would leave 0 / 0 far out
        updated = prevalence * match / (prevalence * match + (1 - prevalence) * non_match)
        done = np.abs(updated - probability).max() < 1e-4
        probability = updated
        if done:
            break
    return np.asarray(IsotonicRegression().fit(winners, probability).predict(winners))


def _density(sample: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kernel density of a sample on a grid that covers both samples (Silverman's width)."""
    low, high = min(sample.min(), other.min()) - 1, max(sample.max(), other.max()) + 1
    step = (high - low) / (_GRID - 1)
    spread = min(sample.std(), np.subtract(*np.percentile(sample, [75, 25])) / 1.34)
    width = 1.06 * spread * len(sample) ** -0.2 + 1e-3
    counts = np.histogram(sample, _GRID, (low, high))[0]
    kernel = np.exp(-0.5 * (np.arange(-200, 201) * step / width) ** 2)
    return np.linspace(low, high, _GRID), np.convolve(counts, kernel / kernel.sum(), "same") / len(sample) / step + 1e-9
