"""The geometry of a set of vectors: how many directions it fills, how evenly, and how near those are that belong together."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError, DataError

_CHUNK = 1024  # vectors that are compared with all others at a time


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


def alignment(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> float:
    """Mean squared distance of the unit vectors of pairs that belong together, in [0, 4].

    Args:
        first, second: (pairs, dim), one pair or more; any length.

    Raises:
        DataError: shapes that do not fit, no pair, or vectors that are not finite.

    Source: Wang & Isola, "Understanding contrastive representation learning through alignment and uniformity", ICML 2020,
    arXiv 2005.10242, equation 3 with alpha 2.
    """
    if first.shape != second.shape:
        raise DataError(f"first and second must have one shape (pairs, dim). Got {first.shape} and {second.shape}.")
    return float(((unit_rows(first) - unit_rows(second)) ** 2).sum(axis=1).mean())


def uniformity(vectors: npt.NDArray[np.floating]) -> float:
    """Log of the mean of e^{-2 d^2} over all pairs of different rows at distance d, at most 0; the lower, the more even.

    Args:
        vectors: (num, dim), two or more; brought to unit length first.

    Raises:
        DataError: fewer than two vectors, or vectors that are not finite.

    Source: as for ``alignment``, equation 4 with t 2.
    """
    units = unit_rows(vectors)
    if len(units) < 2:
        raise DataError("Uniformity needs two vectors or more. Got one.")
    squares = (units**2).sum(axis=1)
    total = 0.0
    for start in range(0, len(units), _CHUNK):
        rows = units[start : start + _CHUNK]
        distances = np.maximum(squares[start : start + _CHUNK, None] + squares - 2 * rows @ units.T, 0)
        potential = np.exp(-2 * distances)
        potential[np.arange(len(rows)), start + np.arange(len(rows))] = 0
        total += float(potential.sum())
    return float(np.log(total / (len(units) * (len(units) - 1))))


def unit_rows(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The vectors at unit length; zeros stay zeros.

    Args:
        vectors: (num, dim), one or more.

    Raises:
        DataError: another shape, no vector, or numbers that are not finite.
    """
    if vectors.ndim != 2 or not len(vectors):
        raise DataError(f"Vectors must be (num, dim), one or more. Got shape {vectors.shape}.")
    if not np.isfinite(vectors).all():
        raise DataError("Vectors must be finite. Got NaN or infinity: the encoder that made them is broken.")
    wide = vectors.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))
