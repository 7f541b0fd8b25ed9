"""The nearest vectors of a few, by cosine and exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest vectors of each query, nearest first; equally near ones in their given order.

    Attributes:
        rows: int64 (queries, k).
        cosines: float64 (queries, k), in [-1, 1].
    """

    rows: npt.NDArray[np.int64]
    cosines: npt.NDArray[np.float64]


def nearest(vectors: npt.NDArray[np.floating], queries: npt.NDArray[np.integer], *, k: int) -> Nearest:
    """The nearest other vectors of some of the vectors.

    Args:
        vectors: (num, dim).
        queries: rows of those whose neighbors are wanted, each without itself.
        k: neighbors of each, at least 1; all others where there are fewer.

    Raises:
        ConfigurationError: k below 1, or vectors that are not (num, dim).
    """
    if k < 1 or vectors.ndim != 2:
        raise ConfigurationError(f"k must be at least 1 and vectors (num, dim). Got {k} and shape {vectors.shape}.")
    wide = vectors.astype(np.float64)
    wide /= np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    cosines = np.clip(wide[queries] @ wide.T, -1, 1)
    cosines[np.arange(len(queries)), queries] = -np.inf
    rows = np.argsort(-cosines, axis=1, kind="stable")[:, : min(k, len(vectors) - 1)]
    return Nearest(rows, np.take_along_axis(cosines, rows, 1))
