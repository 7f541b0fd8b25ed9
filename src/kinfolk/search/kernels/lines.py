"""Rows as one bit a dimension in one cache line, and inner products estimated from it, with their errors.

After Gao and Long 2024, "RaBitQ: quantizing high-dimensional vectors with a theoretical error bound for approximate nearest neighbor
search" (arXiv 2405.12497). With z a row minus the mean of all, rotated, and y the query likewise, only the signs of z are kept. Let c be
the cosine of z and its signs. Then

    <y, z>  is estimated by  <y, sign(z)> * |z|^2 / sum|z|,     off by about  |y| |z| sqrt((1 - c^2) / c^2 / (dim - 1)),

without bias under a random rotation (their theorem 3.2 and equation 14). The query is rounded to 4 bits a dimension, so the product of y
and the signs is four ANDs and popcounts (their section 3.3). ``<q, x>`` is ``<y, z> + <x, mean>`` up to a constant of the query, and half
of minus the squared distance is ``<y, z> - |z|^2 / 2`` up to another, so a row carries four numbers: the factor ``|z|^2 / sum|z|``, what
is added, the sum of its signs, and the error for a query of length 1.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from kinfolk.search.kernels.exact import wide_query
from kinfolk.search.kernels.instructions import WORDS, plane_count
from kinfolk.search.kernels.products import inner_product
from kinfolk.search.kernels.rotation import rotate

_LEVELS = 15  # steps of a query's value
_ROUNDING = 1e-6  # float32 arithmetic of an estimate, relative to the lengths of query and row


@nb.njit(cache=True, nogil=True)
def line_layout(dim):
    """64-bit words of a line, up to a multiple of a cache line, and where in it, in float32 values, its four numbers are."""
    words = (dim + 63) // 64
    return (words + 2 + WORDS - 1) // WORDS * WORDS, 2 * words


def aligned_lines(num: int, words: int) -> npt.NDArray[np.uint64]:
    """Lines of zeros, uint64 (num, words), each beginning with a cache line."""
    room = np.zeros(num * words + WORDS, dtype=np.uint64)
    offset = -room.ctypes.data % 64 // 8
    return room[offset : offset + num * words].reshape(num, words)


@nb.njit(cache=True, nogil=True)
def encode_lines(vectors, mean, signs, squared, lines, numbers):
    """Write the lines of these rows.

    Args:
        vectors: float32 (num, dim).
        mean: float32 (dim,), taken from all rows.
        signs: the rotation.
        squared: whether the metric is ``l2``.
        lines: uint64 (num, words) of zeros.
        numbers: the same memory as float32 (num, 2 * words).
    """
    num, dim = vectors.shape
    _, at = line_layout(dim)
    z = np.empty(dim, np.float32)
    for row in range(num):
        offset, whole = 0.0, 0.0
        for i in range(dim):
            z[i] = vectors[row, i] - mean[i]
            offset += np.float64(vectors[row, i]) * mean[i]
            whole += np.float64(vectors[row, i]) * vectors[row, i]
        rotate(z, signs)
        length, square, positive = 0.0, 0.0, 0
        for i in range(dim):
            length += abs(np.float64(z[i]))
            square += np.float64(z[i]) * z[i]
            if z[i] > 0:
                lines[row, i >> 6] |= np.uint64(1) << np.uint64(i & 63)
                positive += 1
        if length > 0:
            spread = max(square * square * dim / (length * length) - square, 0.0)
            numbers[row, at] = square / length
            numbers[row, at + 3] = np.sqrt(spread / max(dim - 1, 1)) + _ROUNDING * (np.sqrt(square) + np.sqrt(whole))
        added = -square / 2 if squared else offset
        numbers[row, at + 1] = added + _ROUNDING / 8 * abs(added)  # what is plausible is rounded up
        numbers[row, at + 2] = 2 * positive - dim


@nb.njit(cache=True, nogil=True)
def prepare_query(query, mean, signs, planes):
    """Rotate a query and round it to bit planes.

    Args:
        query, mean, signs: as for rows.
        planes: uint64 (4 * words,), four planes for every 8 words of a line; overwritten.

    Returns:
        The lowest value, the step between levels, the sum of the levels, and the squared length of the query minus the mean.
    """
    dim = len(query)
    y = query - mean
    rotate(y, signs)
    low, high = y[0], y[0]
    for value in y:
        low = value if value < low else low
        high = value if value > high else high
    square = inner_product(wide_query(y), y, 0, dim)
    step = (high - low) / np.float32(_LEVELS)
    inverse = np.float32(1) / step if step > 0 else np.float32(0)
    planes[:] = np.uint64(0)
    levels = np.int64(0)
    for word in range((dim + 63) // 64):
        first, second, third, fourth = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
        for i in range(64 * word, min(64 * word + 64, dim)):
            level = np.uint64((y[i] - low) * inverse + np.float32(0.5))
            levels += np.int64(level)
            bit = np.uint64(i & 63)
            first |= (level & np.uint64(1)) << bit
            second |= (level >> np.uint64(1) & np.uint64(1)) << bit
            third |= (level >> np.uint64(2) & np.uint64(1)) << bit
            fourth |= (level >> np.uint64(3)) << bit
        at = word // WORDS * 4 * WORDS + word % WORDS
        planes[at], planes[at + WORDS], planes[at + 2 * WORDS], planes[at + 3 * WORDS] = first, second, third, fourth
    return low, step, levels, square


@nb.njit(cache=True, nogil=True, forceinline=True)
def plausible(planes, lines, numbers, line, words, at, low, step, levels, errors, rounding):
    """The estimate of a row plus what it may be too low by, float32."""
    weighted = 0
    for block in range(0, words, WORDS):
        weighted += plane_count(planes, 4 * block, lines, line * words + block)
    n = 2 * line * words + at
    product = low * numbers[n + 2] + step * np.float32(2 * weighted - levels) + rounding
    return product * numbers[n] + numbers[n + 1] + errors * numbers[n + 3]


@nb.njit(cache=True, nogil=True)
def onto_estimates(query, mean, square, squared):
    """The shift and the scale that put an exact score onto the scale of estimates: ``(score + shift) * scale``."""
    if squared:
        return square, 0.5
    return inner_product(wide_query(mean - query), mean, 0, len(mean)), 1.0
