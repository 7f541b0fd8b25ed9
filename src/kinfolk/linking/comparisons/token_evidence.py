"""Every term as evidence of its own: shared, on the left only, or on the right only.

Whether "upgrade" on one side only speaks against a match, and "dvd" does not, cannot be known beforehand; a linear
model on these columns learns it from labels. Values are the term's weight over the heaviest, so rare terms move the
score more.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from kinfolk.linking.comparisons.terms import Terms


def token_evidence(terms: Terms, left: NDArray[np.int32], right: NDArray[np.int32]) -> sp.csr_matrix:
    """Lay out the terms of pairs in three blocks of columns: shared, left only, right only.

    Args:
        terms: terms of both tables.
        left, right: row numbers of each pair, shape (n,).

    Returns:
        Sparse float32 matrix of shape (n, 3 * num_terms), values in (0, 1].
    """
    here, there = terms.left[left], terms.right[right]
    shared = here.multiply(there).tocsr()
    blocks = sp.hstack([shared, here - shared, there - shared], format="csr")
    weights = terms.idf / terms.idf.max(initial=1e-3)
    evidence = (blocks @ sp.diags(np.tile(weights, 3))).tocsr().astype(np.float32)
    evidence.eliminate_zeros()
    return evidence
