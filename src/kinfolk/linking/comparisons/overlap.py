"""What two records share and what each holds alone, weighed term by term in one pass over two sorted rows."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from kinfolk.linking.comparisons.terms import Terms

OVERLAP = ("shared", "left_only", "right_only", "heaviest_shared", "heaviest_left", "heaviest_right", "cosine")


def overlap(
    terms: Terms, left: NDArray[np.int32], right: NDArray[np.int32], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Weigh the shared and the unshared terms of pairs.

    Args:
        terms: terms of both tables.
        left, right: row numbers of each pair, shape (n,).
        weights: weight of each term, not negative, shape (num_terms,); None = ``terms.idf``. Zero hides a term.

    Returns:
        Shape (n, 7), columns as in ``OVERLAP``: summed weight of shared, left-only and right-only terms; the largest
        single weight of each; the cosine of the weighted rows (NaN where a row is empty).
    """
    return np.asarray(
        _overlap(
            np.ascontiguousarray(left, dtype=np.int64),
            np.ascontiguousarray(right, dtype=np.int64),
            terms.left.indptr.astype(np.int64),
            terms.left.indices.astype(np.int64),
            terms.right.indptr.astype(np.int64),
            terms.right.indices.astype(np.int64),
            terms.idf if weights is None else np.asarray(weights, dtype=np.float64),
        )
    )


@numba.njit(cache=True)
def _overlap(left, right, left_bounds, left_terms, right_bounds, right_terms, weights):  # type: ignore[no-untyped-def]
    out = np.zeros((len(left), 7))
    for row in range(len(left)):
        a, a_end = left_bounds[left[row]], left_bounds[left[row] + 1]
        b, b_end = right_bounds[right[row]], right_bounds[right[row] + 1]
        product = 0.0
        left_square = 0.0
        right_square = 0.0
        while a < a_end or b < b_end:
            if b >= b_end or (a < a_end and left_terms[a] < right_terms[b]):
                weight = weights[left_terms[a]]
                out[row, 1] += weight
                out[row, 4] = max(out[row, 4], weight)
                left_square += weight * weight
                a += 1
            elif a >= a_end or left_terms[a] > right_terms[b]:
                weight = weights[right_terms[b]]
                out[row, 2] += weight
                out[row, 5] = max(out[row, 5], weight)
                right_square += weight * weight
                b += 1
            else:
                weight = weights[left_terms[a]]
                out[row, 0] += weight
                out[row, 3] = max(out[row, 3], weight)
                product += weight * weight
                left_square += weight * weight
                right_square += weight * weight
                a += 1
                b += 1
        known = left_square > 0 and right_square > 0
        out[row, 6] = product / np.sqrt(left_square * right_square) if known else np.nan
    return out
