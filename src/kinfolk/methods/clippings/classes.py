"""Classes from pairs: what is judged the same, directly or through others, is one class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kinfolk.errors import ConfigurationError


def classes_of_pairs(pairs: npt.ArrayLike, num: int) -> npt.NDArray[np.int64]:
    """The class of each record, int64 (num,): the connected components of the pairs; a record in no pair is alone.

    Args:
        pairs: rows of records that are the same, integers (pairs, 2).
        num: of records.

    Raises:
        ConfigurationError: pairs of another shape, or rows that do not exist.
    """
    rows = np.asarray(pairs)
    if rows.size == 0:
        return np.arange(num, dtype=np.int64)
    if rows.ndim != 2 or rows.shape[1] != 2 or rows.dtype.kind not in "iu":
        raise ConfigurationError(f"pairs must be integers (pairs, 2). Got {rows.dtype} of shape {rows.shape}.")
    if rows.min() < 0 or rows.max() >= num:
        raise ConfigurationError(f"pairs must name rows in [0, {num}). Got {rows.min()} to {rows.max()}.")
    graph = coo_array((np.ones(len(rows), dtype=np.int64), (rows[:, 0], rows[:, 1])), shape=(num, num))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
