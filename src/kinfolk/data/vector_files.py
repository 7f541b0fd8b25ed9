"""Files of vectors: Parquet with a column ``vector``, as ``kinfolk embed`` writes it, or numpy's .npy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import ConfigurationError, DataError

VECTOR = "vector"


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
        if path.suffix == ".npy":
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            return np.asarray(array, np.float32), pa.table({VECTOR: pa.nulls(len(array))}).select([])
        import pyarrow.parquet as pq

        with path.open("rb") as file:  # Arrow itself cannot open names that are no text
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
    lengths = np.unique(whole.value_lengths()) if listed and not pa.types.is_fixed_size_list(kind) else [0]
    if not listed or whole.null_count or len(lengths) != 1 or not pa.types.is_floating(kind.value_type):
        raise DataError(f"{path}: the column '{VECTOR}' must hold lists of numbers, all of one length. Got {kind}.")
    cells = np.asarray(whole.flatten(), np.float32)
    return cells.reshape(len(whole), -1)
