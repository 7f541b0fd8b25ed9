"""The .fvecs and .ivecs files of nearest-neighbor benchmarks: each row is its length, int32, and then its numbers.

Little-endian, without a header. Rows of .fvecs are float32 and all of one length; those of .ivecs are int32 and may differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kinfolk.data.atomic import atomic_write
from kinfolk.errors import DataError

Vectors = npt.NDArray[np.float32]
Lists = list[npt.NDArray[np.int64]]

_BLOCK = 65_536  # rows at a time


def write_fvecs(vectors: npt.ArrayLike, path: str | Path) -> None:
    """Write vectors, (num, dim), as float32.

    Raises:
        DataError: another shape, or the file cannot be written.
    """
    table = np.asarray(vectors)
    if table.ndim != 2 or not table.shape[1]:
        raise DataError(f"{path} takes vectors of the shape (num, dim). Got {table.shape}.")
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        for start in range(0, len(table), _BLOCK):
            block = table[start : start + _BLOCK]
            rows = np.empty((len(block), 1 + table.shape[1]), dtype="<f4")
            rows[:, 0] = np.array([table.shape[1]], dtype="<i4").view("<f4")
            rows[:, 1:] = block
            file.write(rows.tobytes())


def read_fvecs(path: str | Path) -> Vectors:
    """Read vectors, float32 (num, dim); the file is mapped, and read where it is touched.

    Raises:
        DataError: the file is absent, empty, cut short, or has rows of several lengths.
    """
    words = _words(Path(path), "<f4")
    dim = int(words[:1].view("<i4")[0])
    if dim < 1:
        raise DataError(f"{path} must begin with the length of its first vector, at least 1. Got {dim}.")
    if len(words) % (dim + 1):
        raise DataError(
            f"{path} must hold whole vectors of {dim} numbers, {4 * (dim + 1):,} bytes each. Its {4 * len(words):,} bytes end "
            "within one: it may be cut short. Fetch or write it again."
        )
    rows = words.reshape(-1, dim + 1)
    lengths = rows[:, 0].view("<i4")
    if (lengths != dim).any():
        row = int(np.flatnonzero(lengths != dim)[0])
        raise DataError(
            f"{path} must hold vectors of one length, {dim} as the first. Vector {row + 1:,} says {int(lengths[row]):,}."
        )
    return rows[:, 1:]


def write_ivecs(lists: Sequence[npt.ArrayLike], path: str | Path) -> None:
    """Write lists of whole numbers, such as the ids of neighbors, as int32.

    Raises:
        DataError: a number that int32 does not hold, or the file cannot be written.
    """
    parts = []
    for number, each in enumerate(lists, start=1):
        row = np.asarray(each, dtype=np.int64).ravel()
        if row.size and not 0 <= row.min() <= row.max() < 2**31:
            raise DataError(
                f"{path} takes whole numbers from 0 to 2147483647. List {number:,} has {row.min()} to {row.max()}."
            )
        parts.append(np.concatenate([[len(row)], row]).astype("<i4"))
    with atomic_write(path) as temporary:
        temporary.write_bytes(np.concatenate(parts).tobytes() if parts else b"")


def read_ivecs(path: str | Path, *, num: int | None = None, below: int | None = None) -> Lists:
    """Read lists of whole numbers, int64, which may differ in length and be empty.

    Args:
        path: the file.
        num: how many lists there must be; None for any number.
        below: what each number must be below; None for anything.

    Raises:
        DataError: the file is absent or cut short; another number of lists; a number out of range.
    """
    words = _words(Path(path), "<i4", empty=num in (None, 0)).astype(np.int64)
    lists: Lists = []
    place = 0
    while place < len(words):
        length = int(words[place])
        if length < 0 or place + 1 + length > len(words):
            raise DataError(
                f"{path} must hold whole lists. List {len(lists) + 1:,} says that it has {length:,} numbers, and "
                f"{len(words) - place - 1:,} follow: it may be cut short. Fetch or write it again."
            )
        lists.append(words[place + 1 : place + 1 + length])
        place += 1 + length
    if num is not None and len(lists) != num:
        raise DataError(f"{path} must hold a list for each of {num:,} queries. Got {len(lists):,}.")
    for number, each in enumerate(lists, start=1):
        if below is not None and each.size and not 0 <= each.min() <= each.max() < below:
            raise DataError(
                f"{path} must hold rows from 0 to {below - 1:,}. List {number:,} has {each.min():,} to {each.max():,}."
            )
    return lists


def _words(path: Path, kind: str, *, empty: bool = False) -> npt.NDArray[Any]:
    """The file as words of four bytes, mapped."""
    if not path.is_file():
        raise DataError(f"There is no file {path}. A study has files of this name; see `kinfolk bench fanns --help`.")
    size = path.stat().st_size
    if size == 0 and empty:
        return np.empty(0, dtype=kind)
    if size == 0 or size % 4:
        raise DataError(
            f"{path} must hold words of 4 bytes. It has {size:,} bytes: it may be cut short. Fetch or write it again."
        )
    return np.memmap(path, dtype=kind, mode="r")
