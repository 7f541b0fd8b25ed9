"""One vector of a record from those of its parts: the weighted mean of what is there, normalized again.

``z = norm(sum_m a_m w_m e_m)``, where ``e_m`` is the unit vector of part m, ``w_m`` its weight and ``a_m`` 1 where the
record has the part and 0 where it has not. A part that is missing is left out, not filled in: a record without an
image is placed by its text, and one without text by its image.

Source: Arora, Yang, Jheng & Dell, "Linking Representations with Multimodal Contrastive Learning", 2023, arXiv
2304.03464, for an image and a text of weight w and 1 - w. The authors drop records that lack a part; the presence flag is ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kinfolk.data.unit_vectors import UnitVectors, unit_vectors
from kinfolk.errors import ConfigurationError, DataError

# Parts that point in opposite directions cancel out; what is left of them is rounding and says nothing.
_NOTHING_LEFT = 1e-6


def pool(parts: Sequence[npt.ArrayLike], weights: Sequence[float]) -> UnitVectors:
    """Pool the unit vectors of the parts of each record into one unit vector.

    A row to which one part alone contributes is that part's row, bit for bit, whatever the weight: weights (1, 0) give
    the first part, weights (0, 1) the second, and a missing first part gives the second. A row depends on no other row.

    Args:
        parts: one table (num, dim) for each part, unit rows; a row of zeros is a part the record does not have.
        weights: one number for each part, at least 0 and not all 0; only their proportions count.

    Returns:
        float32 (num, dim), unit rows; zeros where a record has no part of positive weight, or where its parts cancel out.

    Raises:
        ConfigurationError: weights that do not fit.
        DataError: tables of different shapes, or rows that are neither unit vectors nor zeros.
    """
    if len(weights) != len(parts) or not parts:
        raise ConfigurationError(
            f"pool needs one weight for each part, and a part at least. Got {len(parts)} parts, {len(weights)} weights."
        )
    share = np.asarray(weights, dtype=np.float64)
    if share.ndim != 1 or not np.isfinite(share).all() or (share < 0).any() or not share.any():
        raise ConfigurationError(f"weights must be finite, at least 0 and not all 0. Got {list(weights)}.")
    tables = [unit_vectors(part, name=f"part {number + 1}") for number, part in enumerate(parts)]
    if any(table.shape != tables[0].shape for table in tables):
        raise DataError(f"The parts must have one shape (num, dim). Got {', '.join(str(t.shape) for t in tables)}.")
    share = (share / share.max()).astype(np.float32)
    counts = [table.any(axis=1) & (weight > 0) for table, weight in zip(tables, share, strict=True)]
    pooled = np.zeros_like(tables[0])
    for table, present in zip(tables, counts, strict=True):
        pooled[present] = table[present]
    mixed = np.flatnonzero(np.sum(counts, axis=0) > 1)
    if mixed.size:
        # An absent part is a row of zeros and adds nothing.
        total = np.sum([weight * table[mixed] for table, weight in zip(tables, share, strict=True)], axis=0)
        length = np.linalg.norm(total, axis=1, keepdims=True)
        pooled[mixed] = np.where(length > _NOTHING_LEFT, total / np.maximum(length, _NOTHING_LEFT), 0)
    return pooled
