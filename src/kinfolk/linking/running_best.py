"""The best few of each record while pairs are still being looked at, for the records of both tables at once.

The order of arrival changes nothing: of equal values the lower row comes first.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numba as nb
import numpy as np

from kinfolk.search.kernels.exact import wide_query
from kinfolk.search.kernels.heaps import keep, sort_best_first
from kinfolk.search.kernels.products import inner_product

Near: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Query rows, rows found and similarities, best first within a query."""

_STEP = 64  # products that are held against their bars at once
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
    """The best of ``num`` records of which no pair was looked at."""
    return Best(
        np.empty((num, k)),
        np.empty((num, k), np.int64),
        np.zeros(num, np.int64),
        np.zeros(num),
        np.zeros(num, np.float32),
    )


def lower_bars(best: Best, lengths: np.ndarray, slacks: np.ndarray, rounding: float) -> None:
    """Say how far products may be off, before any is offered.

    Args:
        best: whose.
        lengths: of the vectors.
        slacks, rounding: as of ``Products``.
    """
    best.slacks[:] = slacks
    best.bars[:] = np.where(lengths > 0, -slacks * (1 + rounding + _FLOAT32), np.inf)


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
def offer_products(products, left_rows, right_rows, left, right, rounding, of_left, of_right, both):
    """Offer the pairs of a tile: where a product reaches the bar of either record, the pair gets an exact one.

    Args:
        products: float32 (left rows, right rows), off by the slack of either record and then rounded.
        left_rows, right_rows: int64, which records.
        left, right: their vectors, float32 (records, dim) and flat.
        rounding: of the products.
        of_left, of_right: the best of both sides.
        both: whether the right records want pairs, too.
    """
    dim, k = left.shape[1], of_left.values.shape[1]
    infinite = np.float32(np.inf)
    bars = np.full(len(right_rows), infinite, np.float32)
    if both:
        for j in range(len(right_rows)):
            bars[j] = of_right.bars[right_rows[j]]
    for i in range(len(left_rows)):
        row, line = left_rows[i], products[i]
        bar, wide = of_left.bars[row], wide_query(left[row])
        if bar == infinite:
            continue
        for start in range(0, len(line), _STEP):
            stop = min(start + _STEP, len(line))
            above = 0
            for j in range(start, stop):
                above += (line[j] >= bar) | (line[j] >= bars[j])
            if above == 0:
                continue
            for j in range(start, stop):
                if not (line[j] >= bar or line[j] >= bars[j]):
                    continue
                other = right_rows[j]
                exact = inner_product(wide, right, other * dim, dim)
                if not exact > 0:
                    continue
                if line[j] >= bar:
                    _keep(of_left, row, k, exact, other, rounding)
                    bar = of_left.bars[row]
                if line[j] >= bars[j]:
                    _keep(of_right, other, k, exact, row, rounding)
                    bars[j] = of_right.bars[other]


@nb.njit(cache=True, nogil=True)
def _keep(best, record, k, value, row, rounding):
    """Offer a row to a record, and lift the bar of the record to its worst one."""
    values = best.values[record]
    size = keep(values, best.rows[record], best.sizes[record], k, value, row)
    best.sizes[record] = size
    if size == k:
        bar = values[0] - best.slacks[record]
        best.bars[record] = bar - (rounding + _FLOAT32) * abs(bar)


@nb.njit(cache=True, nogil=True)
def offer_shared_features(
    left_rows, passes, starts, features, weights, posting_starts, postings, posting_weights, sums, touched, of_left, of_right
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
                _keep(of_left, row, k, value, other, 0.0)
            if value >= of_right.bars[other]:
                _keep(of_right, other, k, value, row, 0.0)
