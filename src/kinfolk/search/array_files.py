"""Arrays that follow from one version of the rows, each a file that is mapped and not read: an index opens in milliseconds.

They are written aside as a folder and renamed, so that a version has all of its arrays or none; where they are missing or of an
earlier version the index makes them anew from the rows.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kinfolk.errors import DataError

Arrays = dict[str, npt.NDArray[Any]]

_ABOUT, _FOLDER = "arrays.json", "arrays"
_FORMAT = 2
_CHECKED = 1 << 24  # bytes up to which a file is held to its checksum at each opening


def write_arrays(folder: str | Path, arrays: Mapping[str, npt.NDArray[Any]], *, version: int, about: object) -> None:
    """Write the arrays of a version, and drop those of other versions.

    Args:
        folder: of the index.
        arrays: by names that may stand in the name of a file.
        version: of the rows.
        about: what else is to be known, as JSON holds it.

    Raises:
        DataError: the folder cannot be written to.
    """
    place = Path(folder) / _FOLDER
    aside = place / f".{version}-{os.getpid()}-{secrets.token_hex(4)}.part"
    try:
        aside.mkdir(parents=True)
        files = {name: _write(aside / f"{name}.npy", array) for name, array in arrays.items()}
        said = {"format": _FORMAT, "version": version, "files": files, "about": about}
        (aside / _ABOUT).write_text(json.dumps(said), "utf-8")
        _flush(aside / _ABOUT)
        _flush(aside)
        whole = place / str(version)
        if whole.exists():  # broken, or it would not be written again
            whole.rename(place / f".{version}-{secrets.token_hex(4)}.old")
        aside.rename(whole)
        _flush(place)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        said_error = os.strerror(error.errno) if error.errno else str(error)
        raise DataError(f"Cannot write {place}: {said_error}. Choose another place or free some space.") from error
    for other in place.iterdir():
        if other != whole and not _of_a_running_process(other):
            _drop(other)


def open_arrays(folder: str | Path, *, version: int, verify: bool = False) -> tuple[Arrays, Any] | None:
    """Map the arrays of a version.

    Args:
        folder: of the index.
        version: of the rows.
        verify: hold every file to its checksum, which reads it; else files of more than 16 MB are held to their size.

    Returns:
        The arrays, read-only, and what was said about them; None where that version has none.

    Raises:
        DataError: a file is missing, cut short or changed.
    """
    place = Path(folder) / _FOLDER / str(version)
    if not place.is_dir():
        return None
    path = place / _ABOUT
    try:
        said = json.loads(path.read_text("utf-8"))
        if said["format"] != _FORMAT:
            return None
        arrays = {}
        for name, (size, checksum) in said["files"].items():
            path = place / f"{name}.npy"
            found = path.stat().st_size
            if found != size:
                raise ValueError(f"{size:,} bytes were written, {found:,} are there")
            if (verify or size <= _CHECKED) and _checksum(path) != checksum:
                raise ValueError("its bytes are not those that were written")
            arrays[name] = np.load(path, mmap_mode="r" if size > _CHECKED else None, allow_pickle=False)
        return arrays, said["about"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, FileNotFoundError) and not place.is_dir():
            return None  # another process has just saved a later version
        raise DataError(
            f"{path} cannot be used ({error}). The rows of the index are not touched by this: remove the folder {place}, "
            "and the next opening makes it anew."
        ) from error


def kept_version(folder: str | Path) -> int | None:
    """The newest version that has arrays; None where none has."""
    place = Path(folder) / _FOLDER
    versions = [int(path.name) for path in place.iterdir() if path.name.isdecimal()] if place.is_dir() else []
    return max(versions, default=None)


def _write(path: Path, array: npt.NDArray[Any]) -> tuple[int, int]:
    """Write one array; its bytes and their checksum."""
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    return path.stat().st_size, _checksum(path)


def _checksum(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            value = zlib.crc32(block, value)
    return value


def _drop(folder: Path) -> None:
    """Remove arrays, at one stroke for whoever is about to open them."""
    aside = folder.with_name(f".{folder.name.lstrip('.')}-{secrets.token_hex(4)}.old")
    try:
        folder.rename(aside)
    except OSError:
        return  # another process drops them, too
    shutil.rmtree(aside, ignore_errors=True)


def _of_a_running_process(path: Path) -> bool:
    """Whether the name is that of a folder which another process may be writing now."""
    _, _, rest = path.name.partition("-")
    pid = rest.partition("-")[0]
    if not (path.name.endswith(".part") and pid.isdecimal()) or int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
