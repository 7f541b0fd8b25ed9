"""Rows as one byte a dimension: six cache lines with 384 dimensions where the vector has 24, and off by about a thousandth.

Between the lines of one bit, which say which rows might be near, and the exact scores stand these codes: on them a walk steps, and
by them a scan decides which of many plausible rows are worth an exact score.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numba as nb
import numpy as np

from kinfolk.search.kernels.instructions import prefetch
from kinfolk.search.kernels.products import CODES, code_product


def code_width(dim: int) -> int:
    """Bytes of the codes of a row: one a dimension, up to a multiple of 64."""
    return -(-dim // CODES) * CODES


ROUNDING = np.float32(1e-6)  # of float32 arithmetic, relative to what is added to a product
STEP_ERROR = np.float32(0.29)  # the deviation of what is rounded to whole steps, 1 / sqrt(12)
MOST_ERROR = np.float32(0.505)  # the most it can be, and a hundredth more, which is far above what float32 may round
HIGHEST = 127  # the largest value of a code


@nb.njit(cache=True, nogil=True)
def encode_codes(vectors, mean, squared, codes, numbers):
    """Write the int8 codes of rows minus the mean, and for each row the scale and what is added to a product.

    Args:
        vectors: float32 (num, dim).
        mean: float32 (dim,).
        squared: whether the metric is ``l2``.
        codes: int8 (num, width) of zeros.
        numbers: float32 (num, 2).
    """
    num, dim = vectors.shape
    for row in range(num):
        highest, offset, square = np.float32(0), 0.0, 0.0
        for i in range(dim):
            value = vectors[row, i] - mean[i]
            highest = max(highest, abs(value))
            offset += np.float64(vectors[row, i]) * mean[i]
            square += np.float64(value) * value
        if highest > 0:
            for i in range(dim):
                codes[row, i] = np.rint((vectors[row, i] - mean[i]) / highest * np.float32(HIGHEST))
        numbers[row, 0] = highest / np.float32(HIGHEST)
        numbers[row, 1] = -square / 2 if squared else offset


@nb.njit(cache=True, nogil=True)
def finest(width):
    """The largest whole number to which the values of a query may be brought, so that sums of ``width`` products fit into 32 bits."""
    return min(2047, 2**31 // (128 * width) - 1)


@nb.njit(cache=True, nogil=True)
def round_query(query, mean, rounded, most):
    """Write a query minus the mean as whole numbers (width,) from ``-most`` to ``most``; the scale is returned."""
    highest = np.float32(0)
    for i in range(len(query)):
        highest = max(highest, abs(query[i] - mean[i]))
    rounded[:] = 0
    if highest > 0:
        for i in range(len(query)):
            rounded[i] = np.rint((query[i] - mean[i]) / highest * np.float32(most))
    return highest / np.float32(most)


@nb.njit(cache=True, nogil=True, forceinline=True)
def estimate(rounded, codes, numbers, row, scale):
    """The score of a row from its code, on the scale of ``lines.plausible``; ``code_error`` says how far it may be off."""
    product = code_product(rounded, codes, row * len(rounded), len(rounded))
    return np.float32(product) * (scale * numbers[2 * row]) + numbers[2 * row + 1]


@nb.njit(cache=True, nogil=True, forceinline=True)
def code_error(numbers, row, length):
    """The deviation of an estimate, for a query minus the mean of that length: each value of the row is off by up to half a step.

    Float32 rounds, too, which shows where rows have no values but that of the mean.
    """
    return np.float32(length) * numbers[2 * row] * STEP_ERROR + ROUNDING * abs(numbers[2 * row + 1])


@nb.njit(cache=True, nogil=True, forceinline=True)
def prefetch_code(codes, row, width):
    """Ask for a code that will be read soon."""
    for line in range(0, width, 64):
        prefetch(codes, row * width + line)
