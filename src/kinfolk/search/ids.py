"""Ids of what is in an index: texts, or whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import DataError

Id = str | int
Ids: TypeAlias = (
    Sequence[str] | Sequence[int] | npt.NDArray[np.integer] | npt.NDArray[np.str_] | pa.Array | pa.ChunkedArray
)


def id_list(values: Ids) -> list[Id]:
    """Ids as Python's texts or whole numbers.

    Raises:
        DataError: ids of several kinds, of another kind, or missing.
    """
    try:
        array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"ids must be texts, or whole numbers, all of one kind ({error}).") from error
    kind = array.type
    fits = pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if array.null_count or not (fits or not len(array)):
        raise DataError(
            f"ids must be texts, or whole numbers, and none missing. Got {kind}, {array.null_count} missing."
        )
    try:
        listed: list[Id] = (array.cast(pa.int64()) if pa.types.is_uint64(kind) else array).to_pylist()
    except pa.ArrowInvalid as error:
        raise DataError(f"ids that are numbers must be below 2**63 ({error}). Convert them to texts.") from error
    return listed
