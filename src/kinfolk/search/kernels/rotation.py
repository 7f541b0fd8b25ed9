"""A random rotation that costs O(dim log dim): flips of signs, Hadamard transforms and halves that are mixed.

One-bit codes want coordinates that are alike, whatever the vectors are. A rotation by a random orthogonal matrix sees to that
and costs dim**2 a vector; a few rounds of random signs and fast Hadamard transforms do as well for this purpose (Ailon and Chazelle
2009, "The fast Johnson-Lindenstrauss transform"; Andoni et al. 2015, arXiv 1509.02897, section 3, where three rounds serve).
A transform has the width of a power of two: here the largest one that fits is applied to the first values and to
the last values, and a round ends with sums and differences of the two halves, so that every value meets every other.
Only additions and multiplications in a fixed order occur, so a vector is rotated to the same bits on every machine.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

ROUNDS = 3
_HALF = np.float32(np.sqrt(0.5))


def random_signs(dim: int, seed: int) -> npt.NDArray[np.float32]:
    """The flips of a rotation, -1 or 1, float32 (rounds, dim)."""
    return np.random.default_rng(seed).choice(np.array([-1, 1], dtype=np.float32), size=(ROUNDS, dim))


@nb.njit(cache=True, nogil=True)
def rotate(vector, signs):
    """Rotate one vector in place, float32 (dim,)."""
    dim = len(vector)
    width = 1
    while 2 * width <= dim:
        width *= 2
    spare = np.empty(width, np.float32)
    scale = np.float32(1 / np.sqrt(width))
    for turn in range(len(signs)):
        for i in range(dim):
            vector[i] *= signs[turn, i]
        _hadamard(vector[:width], spare, scale)
        if width < dim:
            _hadamard(vector[dim - width :], spare, scale)
            half = dim // 2
            for i in range(half):
                first, second = vector[i], vector[dim - half + i]
                vector[i] = (first + second) * _HALF
                vector[dim - half + i] = (first - second) * _HALF


@nb.njit(cache=True, nogil=True)
def _hadamard(values, spare, scale):
    """The Walsh-Hadamard transform, in place, of a power of two of values, each multiplied by ``scale`` in the end.

    Every step reads two halves and writes their sums and differences in turn (Pease 1968), so that the loop is the same, and
    as long, in each: a compiler makes vectors of it.
    """
    half, step = len(values) // 2, 1
    while step < len(values):
        for i in range(half):
            spare[2 * i] = values[i] + values[half + i]
            spare[2 * i + 1] = values[i] - values[half + i]
        for i in range(len(values)):
            values[i] = spare[i]
        step *= 2
    for i in range(len(values)):
        values[i] *= scale
