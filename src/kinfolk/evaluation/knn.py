"""The weighted k-nearest-neighbor probe: how well labels of near vectors tell the label of a vector.

Source: Wu, Xiong, Yu & Lin, "Unsupervised feature learning via non-parametric instance discrimination", CVPR 2018,
arXiv 1805.01978, section 3.4: neighbors vote with weight exp(cosine / 0.07).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError

_CHUNK = 1024  # vectors that are compared with all others at a time


def knn_accuracy(
    vectors: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    *,
    train_vectors: npt.NDArray[np.floating] | None = None,
    train_labels: npt.NDArray[np.integer] | None = None,
    k: int = 20,
    temperature: float = 0.07,
) -> float:
    """Share of vectors whose neighbors vote for their label, in [0, 1].

    Args:
        vectors: (num, dim), compared by cosine.
        labels: integers (num,).
        train_vectors, train_labels: those that vote; None lets the others vote, each vector left out of its own vote.
        k: neighbors that vote, at least 1; where there are fewer, all vote.
        temperature: of the weights, in (0, inf).

    Raises:
        ConfigurationError: shapes that do not fit, or nothing that could vote.
    """
    alone = train_vectors is None
    voters = vectors if train_vectors is None else train_vectors
    of_voters = labels if train_labels is None else train_labels
    if (train_vectors is None) != (train_labels is None):
        raise ConfigurationError("train_vectors and train_labels must be given together. Got one of them.")
    if not len(vectors) or len(vectors) != len(labels) or len(voters) != len(of_voters) or len(voters) <= alone:
        raise ConfigurationError(
            f"Each vector needs a label, and there must be others to vote. Got {len(vectors)} vectors with {len(labels)} "
            f"labels, and {len(voters)} to vote with {len(of_voters)}."
        )
    if voters.ndim != 2 or vectors.ndim != 2 or vectors.shape[1] != voters.shape[1]:
        raise ConfigurationError(f"Vectors must be (num, dim), of one dim. Got {vectors.shape} and {voters.shape}.")
    if not (np.isfinite(vectors).all() and np.isfinite(voters).all()):
        raise ConfigurationError("Vectors must be finite. Got NaN or infinity: the encoder that made them is broken.")
    if k < 1 or not 0 < temperature < np.inf:
        raise ConfigurationError(f"k must be at least 1 and temperature in (0, inf). Got {k} and {temperature}.")
    classes, codes = np.unique(of_voters, return_inverse=True)
    queries, candidates = _unit(vectors), _unit(voters)
    count = min(k, len(voters) - alone)
    right = 0
    for start in range(0, len(queries), _CHUNK):
        cosines = queries[start : start + _CHUNK] @ candidates.T
        rows = np.arange(len(cosines))
        if alone:
            cosines[rows, start + rows] = -np.inf
        nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        of_nearest = np.take_along_axis(cosines, nearest, 1)
        # Relative to the nearest, so that no temperature is too low for the exponential.
        weight = np.exp((of_nearest - of_nearest.max(1, keepdims=True)) / temperature)
        votes = np.zeros((len(cosines), len(classes)))
        np.add.at(votes, (rows[:, None], codes[nearest]), weight)
        right += int((classes[votes.argmax(1)] == labels[start : start + _CHUNK]).sum())
    return right / len(queries)


def _unit(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))
