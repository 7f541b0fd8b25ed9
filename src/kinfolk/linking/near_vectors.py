"""The records whose vectors have the largest inner products, exactly: each product is made once, whichever side asks.

Products in float32, or bfloat16, of a tile of either table only preselect: a pair whose product could be among the best of either
record, however far it is off, gets an exact product, in float64 and in one order of sums. So the result is the same on each machine and
in each precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from kinfolk.linking.candidates import Neighbors
from kinfolk.linking.products import Products
from kinfolk.linking.running_best import Best, Near, found, lower_bars, nothing_yet, offer_products

_LEFT_ROWS, _RIGHT_ROWS = 512, 1024  # of a tile: its products take 2 MiB, about what a core has near it

Rows = tuple[np.ndarray, np.ndarray]
"""Left rows, and the right rows that each of them may be paired with, ascending."""


def nearest_between(
    left: np.ndarray,
    right: np.ndarray,
    k: int,
    advance: Callable[[float], None] | None = None,
    groups: Iterable[Rows] | None = None,
) -> Neighbors:
    """The k rows of either side with the largest inner products for each row of the other; none at or below 0.

    All products are made that are asked for, a tile at a time: exact, and quadratic in the size of the tables. Of equal products
    the lower row comes first.

    Args:
        left, right: float32 (records, dim).
        k: how many, at least 1.
        advance: told the share that is done.
        groups: which pairs may be found, each left row in one group at most; None for all.
    """
    products = Products(left, right, (_LEFT_ROWS, _RIGHT_ROWS))
    of_left, of_right = nothing_yet(len(left), k), nothing_yet(len(right), k)
    of_left_slack, of_right_slack = products.slacks()
    lower_bars(of_left, products.left.lengths, of_left_slack, products.rounding)
    lower_bars(of_right, products.right.lengths, of_right_slack, products.rounding)
    done = 0
    for rows, others in ((np.arange(len(left)), np.arange(len(right))),) if groups is None else groups:
        for start in range(0, len(rows) if len(others) else 0, _LEFT_ROWS):
            part = rows[start : start + _LEFT_ROWS].astype(np.int64)
            for first in range(0, len(others), _RIGHT_ROWS):
                _offer(products, part, others[first : first + _RIGHT_ROWS].astype(np.int64), of_left, of_right)
            done += len(part)
            if advance is not None:
                advance(done / len(left))
    return Neighbors(found(of_left), found(of_right))


def nearest_within(vectors: np.ndarray, k: int, advance: Callable[[float], None] | None = None) -> Near:
    """The k rows with the largest inner products for each row, itself among them; none at or below 0.

    Half of the products are made, for the other half are the same. Of equal products the lower row comes first.

    Args:
        vectors: float32 (records, dim).
        k: how many, at least 1.
        advance: told the share that is done.
    """
    num, products = len(vectors), Products(vectors, vectors, (_LEFT_ROWS, _RIGHT_ROWS))
    best = nothing_yet(num, k)
    lower_bars(best, products.left.lengths, products.slacks()[0], products.rounding)
    for start in range(0, num, _LEFT_ROWS):
        end = min(start + _LEFT_ROWS, num)
        part = np.arange(start, end)
        for first in range(start, end, _RIGHT_ROWS):  # each pair of these twice, from either record
            _offer(products, part, np.arange(first, min(first + _RIGHT_ROWS, end)), best, None)
        for first in range(end, num, _RIGHT_ROWS):
            _offer(products, part, np.arange(first, min(first + _RIGHT_ROWS, num)), best, best)
        if advance is not None:
            left = (num - end) / num
            advance(1 - left * left)
    return found(best)


def _offer(products: Products, rows: np.ndarray, others: np.ndarray, of_left: Best, of_right: Best | None) -> None:
    offer_products(
        products.of(rows, others),
        rows,
        others,
        products.left.vectors,
        products.right.vectors.reshape(-1),
        products.rounding,
        of_left,
        of_left if of_right is None else of_right,
        of_right is not None,
    )
