"""Whether pairs with probability .8 are true in 80 % of the cases."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from kinfolk.errors import ConfigurationError, DataError

Binning = Literal["width", "mass"]


def expected_calibration_error(
    probability: ArrayLike, correct: ArrayLike, num_bins: int = 10, *, binning: Binning = "width"
) -> float:
    """Give the mean gap between stated and true share over bins, weighted by the pairs in each (Naeini et al. 2015).

    Args:
        probability: in [0, 1], shape (n,).
        correct: truth, shape (n,).
        num_bins: at least 1.
        binning: "width" cuts [0, 1] into bins of equal width, the last one closed; "mass" into bins of equally many
            pairs, which shows what happens where nearly all pairs lie (candidate pairs crowd at 0).

    Returns:
        A number in [0, 1]; 0 is perfect. No pairs give 0.

    Raises:
        DataError: lengths differ, or a probability is outside [0, 1].
        ConfigurationError: ``num_bins`` or ``binning`` is not possible.
    """
    stated, truth = _checked(probability, correct)
    if stated.size == 0:
        return 0.0
    bins = _bins(stated, num_bins, binning)
    gap = np.bincount(bins, weights=stated - truth, minlength=num_bins)
    return float(np.abs(gap).sum() / stated.size)


def reliability(
    probability: ArrayLike, correct: ArrayLike, num_bins: int = 10, *, binning: Binning = "width"
) -> pa.Table:
    """Give the reliability table: for each bin that holds pairs, what was stated and what was true.

    Args:
        probability, correct, num_bins, binning: as in ``expected_calibration_error``.

    Returns:
        ``count`` (int64), ``lowest``, ``highest``, ``mean_probability``, ``observed`` (share of true pairs), and
        ``low``, ``high``: the 95 % Wilson interval of ``observed`` (all float64), ascending in probability.

    Raises:
        DataError, ConfigurationError: as in ``expected_calibration_error``.
    """
    stated, truth = _checked(probability, correct)
    bins = _bins(stated, num_bins, binning)
    counts = np.bincount(bins, minlength=num_bins).astype(np.float64)
    used = np.flatnonzero(counts)
    count = counts[used]
    lowest, highest = np.full(num_bins, np.inf), np.full(num_bins, -np.inf)
    np.minimum.at(lowest, bins, stated)
    np.maximum.at(highest, bins, stated)
    hits = np.bincount(bins, weights=truth, minlength=num_bins)[used].astype(np.float64)
    low, high = wilson_interval(hits, count)
    return pa.table(
        {
            "count": count.astype(np.int64),
            "lowest": lowest[used],
            "highest": highest[used],
            "mean_probability": np.bincount(bins, weights=stated, minlength=num_bins)[used] / count,
            "observed": hits / count,
            "low": low,
            "high": high,
        }
    )


def brier_score(probability: ArrayLike, correct: ArrayLike) -> float:
    """Give the mean squared distance of probability and truth (Brier 1950); 0 is perfect, 0.25 is a coin.

    Raises:
        DataError: there are no pairs, lengths differ, or a probability is outside [0, 1].
    """
    stated, truth = _checked(probability, correct)
    if stated.size == 0:
        raise DataError("The Brier score needs at least one pair. Got none.")
    return float(np.mean((stated - truth) ** 2))


def wilson_interval(
    hits: NDArray[np.float64], count: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the 95 % score interval of a share (Wilson 1927), for ``count`` of at least 1."""
    z = 1.959963984540054
    share = hits / count
    center = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4.0 * count * count))
    return np.clip(center - half, 0.0, 1.0), np.clip(center + half, 0.0, 1.0)


def _checked(probability: ArrayLike, correct: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    stated, truth = np.asarray(probability, dtype=np.float64), np.asarray(correct).astype(np.bool_).astype(np.float64)
    if stated.ndim != 1 or stated.shape != truth.shape:
        raise DataError(f"Calibration needs one truth for each probability. Got shapes {stated.shape}, {truth.shape}.")
    wrong = ~((stated >= 0.0) & (stated <= 1.0))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"A probability must be in [0, 1]. Row {row + 1} holds {stated[row]}.")
    return stated, truth


def _bins(stated: NDArray[np.float64], num_bins: int, binning: Binning) -> NDArray[np.int64]:
    if num_bins < 1:
        raise ConfigurationError(f"num_bins must be an integer of at least 1. Got {num_bins}.")
    if binning == "width":
        return np.minimum((stated * num_bins).astype(np.int64), num_bins - 1)
    if binning == "mass":
        # Ranks, not quantile edges: with many equal probabilities edges coincide and bins would be far from equal.
        ranks = np.empty(stated.size, dtype=np.int64)
        ranks[np.argsort(stated, kind="stable")] = np.arange(stated.size)
        return ranks * num_bins // max(stated.size, 1)
    raise ConfigurationError(f"binning must be 'width' or 'mass'. Got {binning!r}.")
