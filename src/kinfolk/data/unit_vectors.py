"""Tables of unit vectors: what an encoder hands on, and what pooling, search and grouping expect."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kinfolk.errors import DataError

UnitVectors = npt.NDArray[np.float32]

# Rows normalized in half precision are still accepted; a row that was never normalized is not.
_TOLERANCE = 1e-3


def unit_vectors(values: npt.ArrayLike, *, name: str, dim: int | None = None) -> UnitVectors:
    """Check a table of unit vectors; a row of zeros says that nothing is known of its record.

    Args:
        values: (num, dim), each row of length 1 within 0.001, or all zeros.
        name: what the table is called in an error.
        dim: the width it must have; None for any.

    Returns:
        The same numbers as float32, row after row in memory; not copied where they are so already.

    Raises:
        DataError: another shape, numbers that are not finite, or rows of another length.
    """
    table = np.ascontiguousarray(values, dtype=np.float32)
    if table.ndim != 2 or table.shape[1] == 0 or table.shape[1] != (dim or table.shape[1]):
        raise DataError(f"{name} must have the shape (num, {dim or 'dim'}). Got {table.shape}.")
    length = np.linalg.norm(table, axis=1)
    wrong = np.flatnonzero(~((np.abs(length - 1) <= _TOLERANCE) | (length == 0)))
    if wrong.size:
        row = int(wrong[0])
        raise DataError(
            f"{name} must hold unit vectors, or zeros where nothing is known. Row {row + 1} has the length {length[row]:.4g}. "
            "Divide each row by its length."
        )
    return table
