"""Files of vectors: Parquet with a column ``vector``, as ``kinfolk embed`` writes it, or numpy's .npy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import ConfigurationError, DataError

VECTOR = "vector"
_MAGIC = b"\x93NUMPY"


def read_vectors(path: str | Path) -> tuple[npt.NDArray[np.float32], pa.Table]:
    """Read a file of vectors.

    Args:
        path: .parquet with a column ``vector`` of lists of equal length, or .npy (num, dim).

    Returns:
        The vectors, float32 (num, dim), mapped and not read for .npy; and the other columns, none for .npy.

    Raises:
        ConfigurationError: another kind of file.
        DataError: the file is absent, broken or without vectors.
    """
    path = Path(path)
    if path.suffix not in (".parquet", ".npy"):
        raise ConfigurationError(f"A file of vectors must end in .parquet or .npy. Got '{path.name}'.")
    if not path.is_file():
        raise DataError(f"There is no file {path}. Give a file of vectors, as `kinfolk embed` writes it.")
    try:
        with path.open("rb") as file:
            if path.suffix == ".npy":
                if file.read(len(_MAGIC)) != _MAGIC:
                    raise ValueError("it does not begin as a file of numpy.save does")
                array = _floats(np.load(path, mmap_mode="r", allow_pickle=False))
                return array, pa.table({VECTOR: pa.nulls(len(array))}).select([])
            import pyarrow.parquet as pq

            # Arrow itself cannot open names that are no text
            table = pq.read_table(file)
    except (OSError, ValueError, TypeError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read as vectors ({error}). Write it again.") from error
    if VECTOR not in table.column_names:
        raise DataError(f"{path} needs a column '{VECTOR}'. It has {', '.join(table.column_names)}.")
    return _array(table.column(VECTOR), path), table.drop_columns([VECTOR])


def _array(column: pa.ChunkedArray, path: Path) -> npt.NDArray[np.float32]:
    """A column of lists of equal length, as a table of numbers.

    Raises:
        DataError: it is another kind of column, or lists differ in length.
    """
    whole = column.combine_chunks()
    kind = whole.type
    listed = pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind)
    fixed = pa.types.is_fixed_size_list(kind)
    lengths = [kind.list_size] if fixed else np.unique(whole.value_lengths()).tolist() if listed else []
    numbers = listed and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type))
    if not numbers or whole.null_count or len(lengths) != 1:
        raise DataError(f"{path}: the column '{VECTOR}' must hold lists of numbers, all of one length. Got {kind}.")
    return _floats(np.asarray(whole.flatten()).reshape(len(whole), lengths[0]))


def _floats(array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise ValueError(f"a table of numbers is needed, and {array.dtype} of the shape {array.shape} is there")
    with np.errstate(over="ignore"):  # too large is not finite, which is said where vectors are used
        return np.asarray(array, np.float32)
