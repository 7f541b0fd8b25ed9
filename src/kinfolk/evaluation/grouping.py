"""How well clusters of vectors agree with labels: normalized mutual information and adjusted Rand index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError


@dataclass(frozen=True)
class Agreement:
    """Agreement of clusters and labels.

    Attributes:
        nmi: mutual information over the mean of both entropies, in [0, 1].
        ari: Rand index, 0 at chance and 1 for the same groups.
    """

    nmi: float
    ari: float


def agreement(clusters: npt.NDArray[np.integer], labels: npt.NDArray[np.integer]) -> Agreement:
    """Compare a cluster for each item with its label; names of clusters do not matter.

    Raises:
        ConfigurationError: different lengths, or no items.
    """
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    if len(clusters) != len(labels) or not len(labels):
        raise ConfigurationError(f"Each item needs a cluster and a label. Got {len(clusters)} and {len(labels)}.")
    return Agreement(
        float(normalized_mutual_info_score(labels, clusters)), float(adjusted_rand_score(labels, clusters))
    )


def kmeans_agreement(
    vectors: npt.NDArray[np.floating], labels: npt.NDArray[np.integer], *, clusters: int | None = None, seed: int = 0
) -> Agreement:
    """Cluster unit vectors by k-means and compare with the labels.

    Args:
        vectors: (num, dim).
        labels: (num,).
        clusters: how many; None takes as many as there are labels.
        seed: of the starts, of which the best of five counts.

    Raises:
        ConfigurationError: shapes that do not fit, or more clusters than vectors.
    """
    from sklearn.cluster import KMeans

    if vectors.ndim != 2 or len(vectors) != len(labels):
        raise ConfigurationError(f"Each vector needs a label. Got {vectors.shape} and {labels.shape}.")
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    count = len(np.unique(labels)) if clusters is None else clusters
    if not 1 <= count <= len(vectors):
        raise ConfigurationError(f"clusters must be in [1, {len(vectors)}], the number of vectors. Got {count}.")
    found = KMeans(count, n_init=5, random_state=seed).fit_predict(unit)
    return agreement(found, labels)
