"""How often each corpus is drawn from when several of unequal size are trained on together.

Source: Conneau & Lample, "Cross-lingual language model pretraining", NeurIPS 2019, arXiv 1901.07291, section 3.1, where
the exponent is alpha; Contriever (arXiv 2112.09118) takes 0, every corpus alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError


def sampling_probabilities(sizes: npt.ArrayLike, *, coefficient: float = 0.0) -> npt.NDArray[np.float64]:
    """The share of draws of each corpus, ``p_i`` in proportion to ``(n_i / N)^c``.

    Args:
        sizes: of the corpora, in whatever unit, at least 0 and not all 0, shape (corpora,). An empty corpus is never drawn.
        coefficient: c, in [0, inf). 0 draws all corpora alike, 1 in proportion to their sizes; between, small ones are
            drawn more often than their size says.

    Returns:
        float64 (corpora,), adding up to 1.

    Raises:
        ConfigurationError: sizes or coefficient are not possible.
    """
    counts = np.asarray(sizes, dtype=np.float64)
    if counts.ndim != 1 or not np.isfinite(counts).all() or (counts < 0).any() or not counts.any():
        raise ConfigurationError(f"sizes must be numbers of at least 0, one a corpus and not all 0. Got {sizes!r}.")
    if not 0 <= coefficient < float("inf"):
        raise ConfigurationError(f"coefficient must be a number in [0, inf). Got {coefficient}.")
    weights = np.zeros_like(counts)
    filled = counts > 0
    # The largest weighs 1, so that no large exponent makes all of them 0.
    weights[filled] = (counts[filled] / counts.max()) ** coefficient
    return np.asarray(weights / weights.sum())
