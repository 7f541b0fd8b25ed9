"""A picture of a space: vectors of any width brought to two dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError

_FEWEST_FOR_TSNE = 30
_PERPLEXITY = 30.0
_FLAT = 1e-6  # spread of unit vectors, below which they are one point


@dataclass(frozen=True, eq=False)
class EmbeddingMap:
    """Where each vector lies on the map.

    Attributes:
        positions: float64 (num, 2), in [0, 1]; distances are on one scale in both directions, and the middle is at 0.5.
        method: how they were found: "t-SNE", "PCA", or "none" where all vectors are alike and lie in the middle.
    """

    positions: npt.NDArray[np.float64]
    method: Literal["t-SNE", "PCA", "none"]


def embedding_map(vectors: npt.NDArray[np.floating], *, seed: int = 0) -> EmbeddingMap:
    """Draw near vectors near each other, by cosine: t-SNE from 30 vectors on, their two main directions below.

    The same vectors and seed give the same map: t-SNE starts at the main directions and runs in one thread, since sums of
    several threads differ in their last digits, which the optimization then enlarges.

    Args:
        vectors: (num, dim), at least one, finite.
        seed: of t-SNE.

    Raises:
        ConfigurationError: there are no vectors, or some are not finite.

    Source: van der Maaten & Hinton, "Visualizing data using t-SNE", JMLR 2008, as scikit-learn has it.
    """
    if vectors.ndim != 2 or not len(vectors) or not np.isfinite(vectors).all():
        raise ConfigurationError(
            "embedding_map needs at least one vector, (num, dim), and finite numbers. "
            f"Got shape {vectors.shape} with {int((~np.isfinite(vectors)).sum())} numbers that are not finite."
        )
    wide = vectors.astype(np.float64)
    wide /= np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    centered = wide - wide.mean(0)
    if np.abs(centered).max(initial=0) < _FLAT:
        return EmbeddingMap(np.full((len(wide), 2), 0.5), "none")
    if centered.shape[1] < 2:  # scikit-learn asks for two dimensions
        centered = np.pad(centered, ((0, 0), (0, 1)))
    if len(wide) < _FEWEST_FOR_TSNE:
        return EmbeddingMap(_framed(_main_directions(centered)), "PCA")
    return EmbeddingMap(_framed(_tsne(centered, seed)), "t-SNE")


def _main_directions(centered: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    from sklearn.decomposition import PCA

    return np.asarray(PCA(2, svd_solver="full").fit_transform(centered), np.float64)


def _tsne(centered: npt.NDArray[np.float64], seed: int) -> npt.NDArray[np.float64]:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    start = _main_directions(centered)
    start *= 1e-4 / start[:, 0].std()  # the scale that t-SNE wants to begin at
    perplexity = min(_PERPLEXITY, (len(centered) - 1) / 3)
    with threadpool_limits(1):
        found = TSNE(2, perplexity=perplexity, init=start.astype(np.float32), random_state=seed).fit_transform(centered)
    return np.asarray(found, np.float64)


def _framed(positions: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The same picture within the unit square."""
    low, high = positions.min(0), positions.max(0)
    return np.asarray((positions - (low + high) / 2) / (high - low).max() + 0.5)
