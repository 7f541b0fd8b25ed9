"""The best few of each record while pairs are still being looked at, for the records of both tables at once.

The order of arrival changes nothing: of equal values the lower row comes first.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numba as nb
import numpy as np

from kinfolk.linking.products import Side
from kinfolk.search.kernels.exact import wide_query
from kinfolk.search.kernels.heaps import keep, sort_best_first
from kinfolk.search.kernels.products import inner_product

Near: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Query rows, rows found and similarities, best first within a query."""

_STEP = 32  # products that are held against their bars at once
_FLOAT32 = 2.0**-23  # so much lower is a bar put, so that its own rounding hides nothing


class Best(NamedTuple):
    """The best pairs of each record of one side so far.

    Attributes:
        values, rows: a heap for each record, float64 and int64 (records, k).
        sizes: of the heaps, int64 (records,).
        slacks: how far a product that is offered may be off, float64 (records,).
        bars: what a product must reach to be worth an exact one, float32 (records,); infinite for a vector of zeros.
    """

    values: np.ndarray
    rows: np.ndarray
    sizes: np.ndarray
    slacks: np.ndarray
    bars: np.ndarray


def nothing_yet(num: int, k: int) -> Best:
    """The best k of ``num`` records of which no pair was looked at, for products that are not off."""
    heaps = np.empty((num, k)), np.empty((num, k), np.int64), np.zeros(num, np.int64)
    return Best(*heaps, np.zeros(num), np.zeros(num, np.float32))


def nothing_of(side: Side, slacks: np.ndarray, k: int) -> Best:
    """The best k of each vector of a side before any product is made; see ``Products``."""
    bars = np.where(side.lengths > 0, -slacks * (1 + side.rounding + _FLOAT32), np.inf)
    return nothing_yet(len(slacks), k)._replace(slacks=slacks, bars=bars.astype(np.float32))


def found(best: Best) -> Near:
    """What was found."""
    sort_all(best.values, best.rows, best.sizes)
    there = np.arange(best.values.shape[1]) < best.sizes[:, None]
    return np.nonzero(there)[0], best.rows[there], best.values[there].astype(np.float32)


@nb.njit(cache=True, nogil=True)
def sort_all(values, rows, sizes):
    """Turn each heap into a list, best first."""
    for record in range(len(sizes)):
        sort_best_first(values[record], rows[record], sizes[record])


@nb.njit(cache=True, nogil=True)
def offer_products(products, left_rows, right_rows, of_left, of_right, both):
    """Offer the pairs of a tile by their products.

    Args:
        products: float32 (left rows, right rows).
        left_rows, right_rows: int64, which records.
        of_left, of_right: the best of both sides; they may be the same where the rows differ.
        both: whether the right records want pairs, too.
    """
    capacity, infinite = of_left.values.shape[1], np.float32(np.inf)
    bars = np.full(len(right_rows), infinite, np.float32)
    if both:
        for j in range(len(right_rows)):
            bars[j] = of_right.bars[right_rows[j]]
    for i in range(len(left_rows)):
        row = left_rows[i]
        bar = of_left.bars[row]
        if bar == infinite:
            continue
        for start in range(0, products.shape[1], _STEP):
            line, theirs = products[i, start : start + _STEP], bars[start : start + _STEP]
            above = 0
            for j in range(len(line)):
                above += (line[j] >= bar) | (line[j] >= theirs[j])
            if above == 0:
                continue
            for j in range(len(line)):
                if line[j] >= bar:
                    keep_product(of_left, row, capacity, line[j], right_rows[start + j])
                    bar = of_left.bars[row]
                if line[j] >= theirs[j]:
                    other = right_rows[start + j]
                    keep_product(of_right, other, capacity, line[j], row)
                    theirs[j] = of_right.bars[other]


@nb.njit(cache=True, nogil=True)
def keep_product(best, record, capacity, value, row):
    """Offer a row to a record; the bar is the worst one that it keeps."""
    values = best.values[record]
    size = keep(values, best.rows[record], best.sizes[record], capacity, np.float64(value), row)
    best.sizes[record] = size
    if size == capacity:
        best.bars[record] = values[0]


@nb.njit(cache=True, nogil=True)
def settle(kept, vectors, flat, rounding, best):
    """Decide among the pairs that were kept by their exact products.

    Where one that was not kept could be among the best, a record is left with none, and with a bar that is low enough for all
    that could; elsewhere its bar is infinite.

    Args:
        kept: by products that may be off.
        vectors, flat: of the records, float32 (records, dim), and of the others, flat.
        rounding: of the products, after they were off by the slack of a record.
        best: filled.
    """
    dim, k, capacity = vectors.shape[1], best.values.shape[1], kept.values.shape[1]
    for record in range(len(vectors)):
        if kept.sizes[record] == 0:
            best.bars[record] = np.inf
            continue
        wide = wide_query(vectors[record])
        for t in range(kept.sizes[record]):
            other = kept.rows[record, t]
            keep_exact(best, record, k, inner_product(wide, flat, other * dim, dim), other, rounding)
        lowest = kept.values[record, 0]
        reach = lowest + (rounding + _FLOAT32) * abs(lowest) + best.slacks[record]
        sure = best.sizes[record] == k and best.values[record, 0] > reach
        if kept.sizes[record] < capacity or reach < 0 or sure:
            best.bars[record] = np.inf
        else:
            best.sizes[record] = 0


@nb.njit(cache=True, nogil=True)
def offer_exact(products, rows, others, vectors, flat, rounding, best):
    """Offer the pairs of a tile to the records that are unsettled, by exact products where the product reaches their bar.

    Args:
        products: float32 (rows, others).
        rows, others: int64, which records.
        vectors, flat, rounding, best: as of ``settle``.
    """
    dim, k = vectors.shape[1], best.values.shape[1]
    for i in range(len(rows)):
        record, line = rows[i], products[i]
        wide = wide_query(vectors[record])
        for j in range(len(others)):
            if line[j] >= best.bars[record]:
                exact = inner_product(wide, flat, others[j] * dim, dim)
                keep_exact(best, record, k, exact, others[j], rounding)


@nb.njit(cache=True, nogil=True)
def keep_exact(best, record, k, value, row, rounding):
    """Offer a row to a record by its exact product, and lift the bar for products that may be off; nothing at or below 0."""
    if not value > 0:
        return
    values = best.values[record]
    size = keep(values, best.rows[record], best.sizes[record], k, value, row)
    best.sizes[record] = size
    if size == k:
        bar = values[0] - best.slacks[record]
        best.bars[record] = max(best.bars[record], np.float32(bar - (rounding + _FLOAT32) * abs(bar)))


@nb.njit(cache=True, nogil=True)
def offer_shared_features(
    left_rows,
    passes,
    starts,
    features,
    weights,
    posting_starts,
    postings,
    posting_weights,
    sums,
    touched,
    of_left,
    of_right,
):
    """Offer the pairs of some left records that share a feature with a right record that passes.

    Args:
        left_rows: int64.
        passes: bool (right records,).
        starts, features, weights: of the left records, as CSR.
        posting_starts, postings, posting_weights: the right records of each feature, as CSR.
        sums: float32 (right records,), zeros, and zeros again afterwards.
        touched: int64 (right records,), to write in.
        of_left, of_right: the best of both sides.
    """
    k = of_left.values.shape[1]
    for i in range(len(left_rows)):
        row, num = left_rows[i], 0
        for at in range(starts[row], starts[row + 1]):
            feature, weight = features[at], weights[at]
            for place in range(posting_starts[feature], posting_starts[feature + 1]):
                other = postings[place]
                if passes[other]:
                    if sums[other] == 0:
                        touched[num] = other
                        num += 1
                    sums[other] += weight * posting_weights[place]
        for t in range(num):
            other = touched[t]
            value = np.float64(sums[other])
            sums[other] = 0
            if value >= of_left.bars[row]:
                keep_product(of_left, row, k, value, other)
            if value >= of_right.bars[other]:
                keep_product(of_right, other, k, value, row)
