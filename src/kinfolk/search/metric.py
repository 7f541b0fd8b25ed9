"""Vectors as they are stored for a metric: checked, and for cosine divided by their lengths."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.kernels.exact import measure_rows
from kinfolk.search.kernels.subsets import read_only

Metric: TypeAlias = Literal["cosine", "ip", "l2"]
Floats: TypeAlias = npt.NDArray[np.float32]

_NO_VECTORS: Floats = np.empty((0, 0), dtype=np.float32)
_LONGEST = 1e18  # a longer vector has a square that float32 cannot hold


def known_metric(metric: str) -> Metric:
    """The metric, if there is such a one.

    Raises:
        ConfigurationError: there is not.
    """
    for name in get_args(Metric):
        if metric == name:
            return name  # type: ignore[no-any-return]
    raise ConfigurationError(f"metric must be one of {', '.join(get_args(Metric))}. Got {metric!r}.")


def as_vectors(values: npt.ArrayLike, *, name: str, dim: int | None = None) -> Floats:
    """A table of vectors whose shape is right, float32 (num, dim), row after row in memory; its numbers are not looked at.

    Raises:
        DataError: no table of numbers, or another shape.
    """
    try:
        given = np.asarray(values)
        if given.dtype.kind in "cmM":
            raise TypeError(f"got {given.dtype}")
        if given.dtype == np.float32:
            table = np.ascontiguousarray(given)
        else:
            with np.errstate(over="ignore"):  # too large is not finite, and said where that is looked at
                table = np.ascontiguousarray(given, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} must be a table of numbers ({error}).") from error
    if table.ndim != 2 or table.shape[1] == 0 or table.shape[1] != (dim or table.shape[1]):
        raise DataError(f"{name} must have the shape (num, {dim or 'dim'}). Got {table.shape}.")
    return table


def stored_form(values: npt.ArrayLike, *, name: str, metric: Metric, dim: int | None = None) -> Floats:
    """Check a table of vectors and bring it into the form that scores are computed from.

    For cosine every row is divided by its length in float64 and rounded to float32; a row of zeros stays so, and its cosine with
    everything is 0.

    Args:
        values: (num, dim), finite numbers.
        name: what the table is called in an error.
        metric: ``cosine``, ``ip`` or ``l2``.
        dim: the width it must have; None for any.

    Returns:
        float32 (num, dim), row after row in memory and read-only; not copied where nothing changes.

    Raises:
        DataError: another shape, or a number that is not finite or too large, with its row.
    """
    table: Floats = read_only(as_vectors(values, name=name, dim=dim))
    lengths = np.empty(len(table))
    unit: Floats = np.empty_like(table) if metric == "cosine" else _NO_VECTORS
    row = measure_rows(table, lengths, _LONGEST, unit)
    if row >= 0:
        raise DataError(
            f"{name} must hold finite numbers, and vectors no longer than {_LONGEST:g}. Row {row + 1} has the length "
            f"{lengths[row]:g}. Correct it or leave it out."
        )
    return read_only(unit) if metric == "cosine" else table


def lengths_of(vectors: Floats) -> npt.NDArray[np.float64]:
    """The length of each row, float64 (num,)."""
    lengths = np.empty(len(vectors))
    measure_rows(read_only(vectors), lengths, np.inf, _NO_VECTORS)
    return lengths
