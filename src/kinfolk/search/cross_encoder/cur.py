"""CUR approximation of a score matrix: from a few rows and a few columns to all of it.

A is the matrix of the scores of all queries and all items. Known are R, the rows of some anchor queries, and for a new query its
scores c against some anchor items I alone. With U, the pseudo-inverse of R[:, I], the scores of the query against all items
are about c U R. Where A has rank r, and so has R[:, I], they are exact.

Yadav, Monath, Angell, Zaheer & McCallum, "Efficient Nearest Neighbor Search for Cross-Encoder Models using Matrix Factorization",
EMNLP 2022, arXiv 2210.12579.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError, DataError

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

RCOND = 1e-10
_BY_EQUATIONS = (
    1e-3  # ridge from which the normal equations lose no more than a part in 10^9, and rcond has nothing left to do
)


def anchor_inverse(
    anchor_scores: npt.ArrayLike, anchors: npt.ArrayLike, *, rcond: float = RCOND, ridge: float = 0.0
) -> Floats:
    """U, the pseudo-inverse of R[:, I], in float64: (num anchor items, num anchor queries).

    Args:
        anchor_scores: R, scores of the anchor queries against all items, (num anchor queries, num items), finite.
        anchors: I, columns of the anchor items; the same one twice shares its weight, and changes no product.
        rcond: singular values below this share of the largest count as 0. The authors' 1e-15 lets the rounding errors of
            nearly dependent anchors through; exact scores need no more than the default.
        ridge: damps what is left: with f the Frobenius norm of R[:, I], a singular value s becomes s + (ridge f)² / s. 0 damps
            nothing, and alone recovers matrices of low rank exactly. Where there are about as many anchor items as anchor
            queries, 0.03 found more under one scorer of texts, less under another, and less on log-odds far from 0, whose mean
            alone makes f large (docs/cross-encoder-search.md): try it on queries of which you know the answer. This is
            the project's, not the paper's.

    Raises:
        ConfigurationError: rcond is not in [0, 1), or ridge is negative.
        DataError: the scores are no finite matrix, or an anchor is no column of it.
    """
    check_damping(rcond, ridge)
    scores, columns = np.asarray(anchor_scores, dtype=np.float64), np.asarray(anchors, dtype=np.int64)
    if scores.ndim != 2 or not np.isfinite(scores).all():
        raise DataError(f"anchor_scores must be a matrix of finite numbers. Got shape {scores.shape}, or NaN in it.")
    if columns.ndim != 1 or not len(columns) or columns.min() < 0 or columns.max() >= scores.shape[1]:
        raise DataError(
            f"anchors must be columns of the {scores.shape[1]} items, at least one. Got {columns.tolist()[:5]}."
        )
    return inverse_of(scores[:, columns], rcond=rcond, ridge=ridge)


def check_damping(rcond: float, ridge: float) -> None:
    """Raise a ConfigurationError where a number is not possible."""
    if not 0 <= rcond < 1:
        raise ConfigurationError(f"rcond must be in [0, 1). Got {rcond}.")
    if not 0 <= ridge < np.inf:
        raise ConfigurationError(f"ridge must be finite, and at least 0. Got {ridge}.")


def inverse_of(crossing: Floats, *, rcond: float, ridge: float) -> Floats:
    """As ``anchor_inverse``, of R[:, I] itself and without looking at what is given."""
    if ridge == 0.0:
        return np.asarray(np.linalg.pinv(crossing, rcond=rcond))
    damping = (ridge * float(np.linalg.norm(crossing))) ** 2
    if damping == 0.0:
        return np.zeros(crossing.shape[::-1])
    if ridge >= _BY_EQUATIONS:
        from scipy.linalg import cho_factor, cho_solve

        wide = crossing.shape[0] < crossing.shape[1]
        gram = crossing @ crossing.T if wide else crossing.T @ crossing
        gram[np.diag_indices_from(gram)] += damping
        factor = cho_factor(gram, lower=True, overwrite_a=True, check_finite=False)
        return np.asarray(
            cho_solve(factor, crossing, check_finite=False).T
            if wide
            else cho_solve(factor, crossing.T, check_finite=False)
        )
    left, singular, right = np.linalg.svd(crossing, full_matrices=False)
    kept = singular > rcond * singular[0]
    damped = np.divide(singular, singular**2 + damping, out=np.zeros_like(singular), where=kept)
    return np.asarray((right.T * damped) @ left.T)


def item_embeddings(
    anchor_scores: npt.ArrayLike, anchors: npt.ArrayLike, *, rcond: float = RCOND, ridge: float = 0.0
) -> Floats:
    """Embeddings of the items whose inner product with a query's scores against the anchors approximates its scores.

    Args and errors are those of ``anchor_inverse``.

    Returns:
        E = U R, float64 (num anchor items, num items).
    """
    scores = np.asarray(anchor_scores, dtype=np.float64)
    return np.asarray(anchor_inverse(scores, anchors, rcond=rcond, ridge=ridge) @ scores)


def best_rows(scores: npt.ArrayLike, k: int) -> Rows:
    """The places of the k largest in each row, largest first; of equal ones the earlier place first.

    Args:
        scores: (num queries, num items).
        k: how many; more than there are gives all.
    """
    return np.asarray(np.argsort(-np.asarray(scores, dtype=np.float64), axis=1, kind="stable")[:, :k])


def rerank(approximate: npt.ArrayLike, exact: npt.ArrayLike, *, k: int, num_retrieved: int) -> Rows:
    """The k best by exact score among the items with the best approximate scores, best first.

    Args:
        approximate, exact: scores, (num queries, num items).
        k: how many to find.
        num_retrieved: how many are scored exactly; more than there are items means all.
    """
    retrieved = best_rows(approximate, num_retrieved)
    order = best_rows(np.take_along_axis(np.asarray(exact, dtype=np.float64), retrieved, axis=1), k)
    return np.take_along_axis(retrieved, order, axis=1)


def recall_of_best(exact: npt.ArrayLike, found: npt.ArrayLike, *, k: int) -> Floats:
    """Share of the k best items that were found, for each query.

    Args:
        exact: scores, (num queries, num items).
        found: places of items, (num queries, any number).
        k: how many items count as best, at least 1 and at most all.
    """
    best, places = best_rows(exact, k), np.asarray(found)
    return np.array([np.isin(row, place).sum() / k for row, place in zip(best, places, strict=True)])


def relative_error(exact: npt.ArrayLike, approximate: npt.ArrayLike) -> float:
    """Frobenius norm of the error as a share of that of the exact scores; 0 where both are all zeros."""
    truth = np.asarray(exact, dtype=np.float64)
    error = float(np.linalg.norm(truth - np.asarray(approximate, dtype=np.float64)))
    return error / float(np.linalg.norm(truth)) if error else 0.0
