"""How many pairs that are to be positives of each other look unrelated to an encoder that is not trained on them.

A crop that has lost what a text is about, or a pair that was joined by mistake, teaches an encoder that unrelated texts belong
together. What "unrelated" looks like to the encoder is taken from the data: by the cosine of each first text with second texts
of other pairs.

Source: project definition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError

_ROUNDS = 10  # second texts of others that each first text is compared with


@dataclass(frozen=True)
class FarPairs:
    """What an encoder makes of pairs.

    Attributes:
        share: of pairs that are no nearer than the threshold, in [0, 1]. Pairs joined at random have about the quantile.
        threshold: cosine that only few random pairs exceed, in [-1, 1].
        pairs: how many were looked at.
    """

    share: float
    threshold: float
    pairs: int


def far_pairs(
    first: npt.NDArray[np.floating], second: npt.NDArray[np.floating], *, quantile: float = 0.95, seed: int = 0
) -> FarPairs:
    """The share of pairs that are not told from random pairs by their cosine.

    Args:
        first, second: vectors of both sides, (pairs, dim), at least 2; their lengths do not matter.
        quantile: of the cosines of random pairs that is the threshold, in [0, 1].
        seed: of the random pairs.

    Raises:
        ConfigurationError: tables that do not fit, or a quantile out of range.
    """
    if first.ndim != 2 or first.shape != second.shape or len(first) < 2:
        raise ConfigurationError(
            f"Both sides must be tables of one shape (pairs, dim) with at least 2 pairs. Got {first.shape} and {second.shape}."
        )
    if not 0 <= quantile <= 1:
        raise ConfigurationError(f"quantile must be in [0, 1]. Got {quantile}.")
    left, right = (_unit(side.astype(np.float64)) for side in (first, second))
    num = len(left)
    ring = np.random.default_rng(seed).permutation(num)
    steps = range(1, min(_ROUNDS, num - 1) + 1)
    random = np.concatenate([(left[ring] * right[np.roll(ring, step)]).sum(1) for step in steps])
    threshold = float(np.clip(np.quantile(random, quantile), -1, 1))
    return FarPairs(float(((left * right).sum(1) <= threshold).mean()), threshold, num)


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    lengths: npt.NDArray[np.float64] = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12))
