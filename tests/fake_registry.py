"""A package registry in a folder, with clients that pip and npm are taken for: they copy what it serves, and note each call."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from kinfolk.data.public import Package, packages

_CLIENT = f"""#!{sys.executable}
import shutil, sys
from pathlib import Path

folder = Path(__file__).parent
with (folder / "calls").open("a") as calls:
    print(sys.argv[-1], file=calls)
if (folder / "unreachable").exists():
    sys.exit("error: the host cannot be reached")
place = sys.argv[sys.argv.index("--dest") + 1] if "--dest" in sys.argv else "."
wanted = sys.argv[-1].replace("==", "-").replace("@", "-")
for file in (folder / "served").glob(wanted + "*"):
    shutil.copy(file, place)
"""


class FakeRegistry:
    """What is served, and how often it was asked for; nothing else is on the path while it is in use."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.cache = folder / "cache"
        (folder / "served").mkdir()
        for client in ("pip", "npm"):
            (folder / client).write_text(_CLIENT)
            (folder / client).chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        monkeypatch.setenv("KINFOLK_CACHE", str(self.cache))
        monkeypatch.setattr(packages, "find_spec", lambda _: None)  # so that the pip of this Python is not asked

    @property
    def calls(self) -> list[str]:
        """What each call asked for, in order."""
        return (self.folder / "calls").read_text().split() if (self.folder / "calls").exists() else []

    def cut_off(self) -> None:
        """From now on, every call fails."""
        (self.folder / "unreachable").touch()

    def serve_wheel(self, name: str, version: str, files: Mapping[str, str]) -> Package:
        """Put a wheel into the registry."""
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as wheel:
            for path, text in files.items():
                wheel.writestr(path, text)
        return self._serve("pypi", name, version, f"{name}-{version}-py3-none-any.whl", data.getvalue())

    def serve_tar(self, name: str, version: str, files: Mapping[str, bytes | object]) -> Package:
        """Put an npm package into the registry; what is no bytes is written as JSON."""
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:gz") as tar:
            for path, content in files.items():
                encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
                entry = tarfile.TarInfo(f"package/{path}")
                entry.size = len(encoded)
                tar.addfile(entry, io.BytesIO(encoded))
        return self._serve("npm", name, version, f"{name}-{version}.tgz", data.getvalue())

    def _serve(self, registry, name: str, version: str, file: str, data: bytes) -> Package:
        (self.folder / "served" / file).write_bytes(data)
        return Package(registry, name, version, file, hashlib.sha256(data).hexdigest(), len(data))
