"""Files inside a package, read without unpacking it: a wheel is a zip archive, an npm package a gzipped tar archive."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile


def read_files(archive: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """The contents of the wanted files, by their path in the archive.

    Args:
        archive: a file that was checked; ``.whl`` or ``.tgz``.
        wanted: told the path of each file, with slashes, whether it is wanted.
    """
    if archive.suffix == ".whl":
        with ZipFile(archive) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist() if wanted(name)}
    contents = {}
    with tarfile.open(archive) as tar:
        for member in tar:  # in their order: going back would unpack from the beginning
            if wanted(member.name) and (file := tar.extractfile(member)) is not None:
                contents[member.name] = file.read()
    return contents
