"""The run folder: what each stage made, so that a killed run goes on where it stopped."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from kinfolk.data import atomic_write, read_table, write_table
from kinfolk.errors import RunError

MANIFEST = "manifest.json"


class Run:
    """A folder of finished stages, valid for one set of inputs and settings.

    Args:
        folder: made when it does not exist; None keeps nothing.
        key: identifies inputs and settings; a folder made for another key is refused.

    Raises:
        RunError: the folder holds another run, or is no folder.
    """

    def __init__(self, folder: Path | None, key: dict[str, str]) -> None:
        self.folder = folder
        if folder is None:
            return
        if folder.exists() and not folder.is_dir():
            raise RunError(f"--run must name a folder, but {folder} is a file. Choose another name.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(
                f"The run folder {folder} cannot be made ({error.strerror}). Choose another place for --run."
            ) from error
        manifest = folder / MANIFEST
        if manifest.exists():
            try:
                found = dict(json.loads(manifest.read_text("utf-8")))
            except (OSError, ValueError, TypeError) as error:
                raise RunError(
                    f"{manifest} cannot be read ({error}). Delete the folder {folder} to start anew."
                ) from error
            differing = sorted(k for k in {*key, *found} if key.get(k) != found.get(k))
            if differing:
                raise RunError(
                    f"{folder} holds a run with another {', '.join(differing)}. Use another folder, or delete this one."
                )
        else:
            with atomic_write(manifest) as aside:
                aside.write_text(json.dumps(key, indent=1), "utf-8")

    def load(self, name: str) -> pa.Table | None:
        """A finished stage, or None when it has to be made."""
        if self.folder is None or not (self.folder / f"{name}.parquet").exists():
            return None
        return read_stage(self.folder / f"{name}.parquet")

    def save(self, name: str, table: pa.Table) -> None:
        """Keep what a stage made; written aside and renamed, so that it is there wholly or not at all."""
        if self.folder is not None:
            write_table(table, self.folder / f"{name}.parquet")


def read_stage(path: Path) -> pa.Table:
    """A table that a run kept, with its metadata, which hold what belongs to no row (``read_table`` drops them).

    Raises:
        DataError: the file is absent or broken.
    """
    import pyarrow.parquet as pq

    table = read_table(path)
    return table.replace_schema_metadata(pq.read_schema(path).metadata)
