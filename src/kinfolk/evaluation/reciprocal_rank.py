"""Mean reciprocal rank: how early the true partner of a query comes among all candidates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError

_CHUNK = 1024


def mean_reciprocal_rank(queries: npt.NDArray[np.floating], candidates: npt.NDArray[np.floating]) -> float:
    """Mean of 1 / rank of candidate i for query i by cosine, in (0, 1]; of equal cosines, the others come first.

    Args:
        queries, candidates: (num, dim); row i of both is about item i.

    Raises:
        ConfigurationError: different shapes, no rows, or rows that are not finite.
    """
    if queries.shape != candidates.shape or queries.ndim != 2 or not len(queries):
        raise ConfigurationError(
            f"queries and candidates must have one shape (num, dim). Got {queries.shape} and {candidates.shape}."
        )
    if not (np.isfinite(queries).all() and np.isfinite(candidates).all()):
        raise ConfigurationError("queries and candidates must be finite. Got NaN or infinity.")
    left, right = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (queries, candidates))
    total = 0.0
    for start in range(0, len(left), _CHUNK):
        cosines = left[start : start + _CHUNK] @ right.T
        own = cosines[np.arange(len(cosines)), start + np.arange(len(cosines))]
        total += float((1 / (cosines >= own[:, None]).sum(1)).sum())  # its own cosine counts, too: ranks begin at 1
    return total / len(left)
