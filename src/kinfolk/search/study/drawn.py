"""Attributes of a study that are drawn: with values of given shares, and tied to where the vectors lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.search.study.vecs import Vectors

Rows = npt.NDArray[np.integer]

SHARES = (0.5, 0.1, 0.01, 0.001)
"""Of the rows, that a cell lets pass."""

_LABELS = {0.5: 1, 0.1: 3, 0.01: 15, 0.001: 50}  # values of a column with this share each; together they fill it
_TAGS = {0.5: 2, 0.1: 4, 0.01: 8, 0.001: 16}
_SAMPLE = 20_000  # rows that the middles of neighborhoods are found on
_STEPS = 5  # of k-means


def size_of(share: float, num: int) -> int:
    """How many of the rows are this share, rounded."""
    return round(share * num)


def drawn_labels(num: int, rng: np.random.Generator) -> pa.Array:
    """A text for each row, so that some pass each share of ``SHARES`` that is a row at least; which rows, is chance."""
    labels = np.full(num, "rest", dtype=object)
    start = 0
    for share, values in _LABELS.items():
        size = size_of(share, num)
        for value in range(values if size else 0):
            labels[start : start + size] = _name(share, value)
            start += size
    return pa.array(rng.permutation(labels).tolist(), pa.string())


def drawn_tags(num: int, rng: np.random.Generator) -> pa.Array:
    """A list of texts for each row, most of them short, so that some tags pass each share."""
    rows, names = [], []
    for share, values in _TAGS.items():
        size = size_of(share, num)
        for value in range(values if size else 0):
            rows.append(rng.choice(num, size, replace=False))
            names += [_name(share, value)] * size
    return lists_of(np.concatenate(rows) if rows else np.empty(0, np.int64), names, num)


def lists_of(rows: Rows, names: list[str], num: int) -> pa.Array:
    """The list of each row, of names that belong to rows."""
    order = np.argsort(rows, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=num))])
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array([names[place] for place in order], pa.string())
    )


def middles(vectors: Vectors, count: int, rng: np.random.Generator) -> Vectors:
    """Middles of so many neighborhoods: a few steps of k-means on a sample of unit vectors, float32 (count, dim)."""
    sample = vectors[np.sort(rng.choice(len(vectors), min(len(vectors), _SAMPLE), replace=False))]
    centers = sample[rng.choice(len(sample), min(count, len(sample)), replace=False)]
    for _ in range(_STEPS):
        nearest = np.argmax(sample @ centers.T, axis=1)
        sums = np.zeros(centers.shape, dtype=np.float64)
        np.add.at(sums, nearest, sample)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centers = np.where(lengths > 0, sums / np.where(lengths > 0, lengths, 1), centers).astype(np.float32)
    return centers


def nearest_middles(vectors: Vectors, centers: Vectors, count: int) -> Rows:
    """The nearest middles of each vector, nearest first, (num, count)."""
    found = np.empty((len(vectors), count), dtype=np.int64)
    for start in range(0, len(vectors), _SAMPLE):
        scores = vectors[start : start + _SAMPLE] @ centers.T
        found[start : start + _SAMPLE] = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    return found


def _name(share: float, value: int) -> str:
    return f"{100 * share:g}% {value + 1}"
