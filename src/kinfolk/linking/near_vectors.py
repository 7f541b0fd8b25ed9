"""The records whose vectors have the largest inner products, exactly: each product is made once, whichever side asks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kinfolk.linking.candidates import Neighbors

_PRODUCTS_AT_ONCE = 1 << 24  # 64 MiB of cosines

Near = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Query rows, rows found and products, best first within a query."""


def nearest_between(
    left: np.ndarray, right: np.ndarray, k: int, advance: Callable[[float], None] | None = None
) -> Neighbors:
    """The k rows of either side with the largest inner products for each row of the other; none at or below 0.

    All products are made, a block of left rows at a time: exact, and quadratic in the size of the tables.

    Args:
        left, right: float32 (records, dim).
        k: how many, at least 1.
        advance: told the share that is done.
    """
    of_left, of_right = _Nearest(len(left), k), _Nearest(len(right), k)
    block = max(1, _PRODUCTS_AT_ONCE // max(1, len(right)))
    for start in range(0, len(left) if len(right) else 0, block):
        products = left[start : start + block] @ right.T
        of_left.add(products, queries=start, corpus=0)
        of_right.add(products.T, queries=0, corpus=start)
        if advance is not None:
            advance(min(1.0, (start + block) / len(left)))
    return Neighbors(of_left.found(), of_right.found())


def nearest_within(vectors: np.ndarray, k: int, advance: Callable[[float], None] | None = None) -> Near:
    """The k rows with the largest inner products for each row, itself among them; none at or below 0.

    Half of the products are made, for the other half are the same.

    Args:
        vectors: float32 (records, dim).
        k: how many, at least 1.
        advance: told the share that is done.
    """
    num, nearest = len(vectors), _Nearest(len(vectors), k)
    block = max(1, _PRODUCTS_AT_ONCE // max(1, num))
    for start in range(0, num, block):
        products = vectors[start : start + block] @ vectors[start:].T
        nearest.add(products, queries=start, corpus=start)
        nearest.add(products[:, block:].T, queries=start + block, corpus=start)
        if advance is not None:
            left = max(0, num - start - block) / num
            advance(1 - left * left)
    return nearest.found()


class _Nearest:
    """The k largest products of each query so far, largest first; 0 where there are fewer above it.

    Args:
        num: queries.
        k: how many.
    """

    def __init__(self, num: int, k: int) -> None:
        self._k = k
        self._products, self._rows = np.zeros((num, k), np.float32), np.zeros((num, k), np.int64)

    def add(self, products: np.ndarray, *, queries: int, corpus: int) -> None:
        """Look at more products.

        Args:
            products: of consecutive queries with consecutive rows of the corpus, float32 (queries, rows).
            queries, corpus: the first query and the first row.
        """
        # Later blocks have something new for few queries, and only for these the largest are sought.
        better = np.flatnonzero(products.max(axis=1, initial=0) > self._products[queries : queries + len(products), -1])
        at, num = queries + better, products.shape[1]
        products = np.concatenate([products[better], self._products[at]], axis=1)
        best = np.argpartition(-products, self._k - 1, axis=1)[:, : self._k]
        order = np.argsort(-np.take_along_axis(products, best, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(best, order, axis=1)
        known = np.take_along_axis(self._rows[at], np.maximum(best - num, 0), axis=1)
        self._rows[at] = np.where(best < num, corpus + best, known)
        self._products[at] = np.take_along_axis(products, best, axis=1)

    def found(self) -> Near:
        """What was found."""
        near = self._products > 0
        return np.nonzero(near)[0], self._rows[near], self._products[near]
