"""How a pair stands against its rivals: margins, ranks, local scaling, and the one-to-one winners of a score.

A cosine of .6 is convincing where the next best is .2 and worthless where five others have .6. This was the strongest
family of comparisons in every ablation. CSLS is local scaling as in Conneau et al. (2018), arXiv 1710.04087.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kinfolk.linking.candidates import nearest
from kinfolk.linking.kernels import take_greedily
from kinfolk.linking.rivals import margin_to_rivals
from kinfolk.linking.spaces import Space

NEIGHBORS = ("similarity", "left_margin", "right_margin", "csls", "left_rank", "right_rank")
NOTHING = -12.0  # log-odds of a rival that does not exist, and the least of one that does


def compare_neighbors(
    space: Space, left: NDArray[np.int32], right: NDArray[np.int32], *, k: int = 10
) -> NDArray[np.float64]:
    """Compare the similarity of each pair with the best similarities of both of its records.

    Args:
        space: rows of unit length.
        left, right: row numbers of each pair, shape (n,).
        k: neighbors looked at on either side, at least 2.

    Returns:
        Shape (n, 6), columns as in ``NEIGHBORS``: cosine; cosine minus the best cosine of the left (right) record with
        any other record; CSLS = twice the cosine minus the mean of the k best of either record; log(1 + number of
        better neighbors) from the left and the right, k at most.
    """
    similarity = space.similarity(left, right).astype(np.float64)
    margins, means, ranks = [], [], []
    for queries, corpus, rows in ((space.left, space.right, left), (space.right, space.left, right)):
        found, _, products = nearest(queries, corpus, k)
        best = _dense_top(found, products, queries.shape[0], k)[rows]
        own = similarity >= best[:, 0] - 1e-6
        margins.append(similarity - np.where(own, best[:, 1], best[:, 0]))
        means.append(best.mean(axis=1))
        ranks.append(np.log1p((best > similarity[:, None] + 1e-6).sum(axis=1)))
    return np.column_stack([similarity, *margins, 2 * similarity - means[0] - means[1], *ranks])


def compare_rivals(
    log_odds: NDArray[np.float64], left: NDArray[np.int32], right: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Compare the score of each candidate with the scores of the other candidates of both of its records.

    Args:
        log_odds: score of each candidate pair, shape (n,).
        left, right: row numbers of each pair, shape (n,); all candidates of a record must be there.

    Returns:
        Shape (n, 3): score minus that of the best other candidate of the left record, the same for the right record
        (a missing rival counts as ``NOTHING``), and 1 for the pairs that a greedy one-to-one assignment keeps.
    """
    margins = [margin_to_rivals(rows, int(rows.max(initial=-1)) + 1, log_odds, NOTHING) for rows in (left, right)]
    order = np.argsort(-log_odds, kind="stable")
    return np.column_stack([*margins, greedy_one_to_one(order, left, right)])


def greedy_one_to_one(order: NDArray[np.int64], left: NDArray[np.int32], right: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Keep, in the given order of pairs, every pair whose two records are both still free."""
    size = (int(left.max(initial=-1)) + 1, int(right.max(initial=-1)) + 1)
    return np.asarray(take_greedily(order, left, right, *size, True, True))


def _dense_top(rows: NDArray[np.int64], products: NDArray[np.float32], size: int, k: int) -> NDArray[np.float64]:
    """The k best products of every row, given best first within a row; 0 where there are fewer."""
    starts = np.searchsorted(rows, np.arange(size))
    top = np.zeros((size, max(k, 2)))
    top[rows, np.arange(rows.size) - starts[rows]] = products
    return top
