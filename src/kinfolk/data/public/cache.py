"""Where downloads are kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path

VARIABLE = "KINFOLK_CACHE"


def cache_folder(given: str | Path | None = None) -> Path:
    """The folder that keeps what was downloaded.

    Args:
        given: taken if it is not None; then the environment variable ``KINFOLK_CACHE``; then the place of the system: ``kinfolk`` in
            ``$XDG_CACHE_HOME`` or ``~/.cache``, on macOS in ``~/Library/Caches``, on Windows in ``%LOCALAPPDATA%``.
    """
    chosen = given or os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "kinfolk"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "kinfolk"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "kinfolk"
