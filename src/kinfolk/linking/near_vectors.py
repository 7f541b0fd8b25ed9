"""The records whose vectors have the largest inner products, exactly: each product is made once, whichever side asks.

Products in float32, or bfloat16, of a tile of either table only preselect, a few more than are wanted. These get an exact product,
in float64 and in one order of sums. How far the first product may be off is known, so it is certain for most records that
none that was left out is among the best; the few others (many equal vectors, say) are looked at again. So the result is the same on each
machine and in each precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from kinfolk.linking.candidates import Neighbors, Rows
from kinfolk.linking.products import Products
from kinfolk.linking.running_best import Best, Near, found, nothing_of, offer_exact, offer_products, settle

_LEFT_ROWS, _RIGHT_ROWS = 512, 1024  # of a tile: its products take 2 MiB, about what a core has near it
_SPARE = 4  # pairs beyond k that are kept until they have exact products; and a quarter of k


def nearest_between(
    left: np.ndarray,
    right: np.ndarray,
    k: int,
    advance: Callable[[float], None] | None = None,
    groups: Callable[[], Iterable[Rows]] | None = None,
) -> Neighbors:
    """The k rows of either side with the largest inner products for each row of the other; none at or below 0.

    The product of each pair that may be found is made, a tile at a time: exact, and quadratic in the size of the tables. Of equal
    products the lower row comes first.

    Args:
        left, right: float32 (records, dim).
        k: how many, at least 1.
        advance: told the share that is done.
        groups: gives the pairs that may be found, each left row in one group at most; None for all.
    """
    products = Products(left, right, (_LEFT_ROWS, _RIGHT_ROWS))
    spoken = np.flatnonzero(products.left.lengths), np.flatnonzero(products.right.lengths)
    every = (lambda: (spoken,)) if groups is None else groups
    slacks = products.slacks()
    sides = products.left, products.right
    kept = [nothing_of(side, slack, k + k // 4 + _SPARE) for side, slack in zip(sides, slacks, strict=True)]
    for share, rows, others in _tiles(every(), len(left)):
        offer_products(products.of(rows, others), rows, others, kept[0], kept[1], True)
        if advance is not None:
            advance(share)
    best = [nothing_of(side, slack, k) for side, slack in zip(sides, slacks, strict=True)]
    for own, other, of_products, of_exact in zip(sides, sides[::-1], kept, best, strict=True):
        settle(of_products, own.vectors, other.vectors.reshape(-1), own.rounding, of_exact)
    of_left, of_right = best
    if _unsettled(of_left).any():
        again = ((rows[_unsettled(of_left)[rows]], others) for rows, others in every())
        for _, rows, others in _tiles(again, len(left)):
            _offer_exact(products, rows, others, of_left)
    if _unsettled(of_right).any():
        again = ((rows, others[_unsettled(of_right)[others]]) for rows, others in every())
        for _, rows, others in _tiles(again, len(left)):
            _offer_exact(products, rows, others, of_right, turned=True)
    if advance is not None:
        advance(1.0)
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
    side, slacks = products.left, products.slacks()[0]
    kept, best = nothing_of(side, slacks, k + k // 4 + _SPARE), nothing_of(side, slacks, k)
    for start in range(0, num, _LEFT_ROWS):
        end = min(start + _LEFT_ROWS, num)
        part = np.arange(start, end)
        for _, rows, others in _tiles([(part, part)], num):  # each of these pairs twice, from either record
            offer_products(products.of(rows, others), rows, others, kept, kept, False)
        for _, rows, others in _tiles([(part, np.arange(end, num))], num):
            offer_products(products.of(rows, others), rows, others, kept, kept, True)
        if advance is not None:
            left = (num - end) / num
            advance(1 - left * left)
    settle(kept, side.vectors, side.vectors.reshape(-1), side.rounding, best)
    for _, rows, others in _tiles([(np.flatnonzero(_unsettled(best)), np.arange(num))], num):
        _offer_exact(products, rows, others, best)
    return found(best)


def _tiles(groups: Iterable[Rows], num_left: int) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """The pairs of groups in tiles: the share of the left rows that is done with it, left and right rows as int64."""
    done = 0
    for rows, others in groups:
        for start in range(0, len(rows), _LEFT_ROWS):
            part = rows[start : start + _LEFT_ROWS].astype(np.int64)
            done += len(part)
            for first in range(0, len(others), _RIGHT_ROWS):
                yield done / num_left, part, others[first : first + _RIGHT_ROWS].astype(np.int64)


def _unsettled(best: Best) -> np.ndarray:
    return np.asarray(np.isfinite(best.bars))


def _offer_exact(products: Products, rows: np.ndarray, others: np.ndarray, best: Best, *, turned: bool = False) -> None:
    tile, own, other = products.of(rows, others), products.left, products.right
    if turned:
        tile, rows, others, own, other = np.ascontiguousarray(tile.T), others, rows, other, own
    offer_exact(tile, rows, others, own.vectors, other.vectors.reshape(-1), own.rounding, best)
