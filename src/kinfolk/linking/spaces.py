"""Sparse vector spaces that two tables share: TF-IDF of n-grams, and the information of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from kinfolk.linking.kernels import pair_dot
from kinfolk.linking.ngrams import character_ngrams, words


@dataclass(frozen=True)
class Space:
    """Rows of two tables as sparse vectors over the same features.

    Attributes:
        left, right: CSR matrices (records, features), float32, sorted indices.
    """

    left: sp.csr_matrix
    right: sp.csr_matrix

    def similarity(self, rows_left: np.ndarray, rows_right: np.ndarray) -> np.ndarray:
        """Inner products of pairs of rows: float32 (pairs,)."""
        a, b = self.left, self.right
        return np.asarray(pair_dot(a.indptr, a.indices, a.data, b.indptr, b.indices, b.data, rows_left, rows_right))

    def norms(self) -> tuple[np.ndarray, np.ndarray]:
        """Squared lengths of the left and right rows."""
        left, right = (np.asarray(m.multiply(m).sum(axis=1)).ravel() for m in (self.left, self.right))
        return left, right


def tfidf_space(left: Sequence[str], right: Sequence[str], size: int = 3) -> Space:
    """Unit TF-IDF vectors of character n-grams: tf is 1 + ln(count), idf is ln((1 + n) / (1 + df)) + 1.

    Args:
        left, right: normalized texts of the two tables; the idf is that of both together.
        size: characters in an n-gram.
    """
    counts = character_ngrams([*left, *right], size)
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    idf = np.log((1 + counts.shape[0]) / (1 + frequency)) + 1
    counts.data = ((1 + np.log(counts.data)) * idf[counts.indices]).astype(np.float32)
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    counts.data /= np.repeat(np.maximum(lengths, 1e-12), np.diff(counts.indptr)).astype(np.float32)
    return Space(counts[: len(left)], counts[len(left) :])


def information_space(left: Sequence[str], right: Sequence[str], *, codes_only: bool = False) -> Space:
    """Words weighted so that the inner product of two records is the information they share, in nats.

    A word in df of n records carries ln((n + 1) / (df + 1/2)) nats; counts do not matter.

    Args:
        left, right: normalized texts.
        codes_only: keep only words of three or more characters with a digit (model numbers, phone numbers, years).
    """
    counts, vocabulary = words([*left, *right])
    frequency = np.bincount(counts.indices, minlength=counts.shape[1])
    weight = np.sqrt(np.log((counts.shape[0] + 1) / (frequency + 0.5)))
    if codes_only:
        weight = weight * np.array([len(w) >= 3 and any(c.isdigit() for c in w) for w in vocabulary])
    counts.data = weight[counts.indices].astype(np.float32)
    counts.eliminate_zeros()
    return Space(counts[: len(left)], counts[len(left) :])
