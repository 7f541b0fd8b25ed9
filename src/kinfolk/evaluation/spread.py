"""How many directions a set of vectors fills: the effective rank."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError


def effective_rank(vectors: npt.NDArray[np.floating]) -> float:
    """Exp of the entropy of the singular values, in [1, dim]; 1 means that all vectors lie on a line.

    Vectors are brought to unit length first, and not centered: vectors that all point one way have collapsed.

    Args:
        vectors: (num, dim), at least one.

    Raises:
        ConfigurationError: there are no vectors, or they are not finite.

    Source: Roy & Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007.
    """
    if vectors.ndim != 2 or not len(vectors):
        raise ConfigurationError(f"effective_rank needs at least one vector, (num, dim). Got shape {vectors.shape}.")
    if not np.isfinite(vectors).all():
        raise ConfigurationError("Vectors must be finite. Got NaN or infinity: the encoder that made them is broken.")
    wide = vectors.astype(np.float64)
    wide /= np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    values = np.linalg.svd(wide, compute_uv=False)
    total = values.sum()
    if total == 0:
        return 1.0
    share = values[values > 0] / total
    return float(np.exp(-(share * np.log(share)).sum()))
