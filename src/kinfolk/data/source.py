"""What a reader returns: a table, and the sentences its user should see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa


@dataclass(frozen=True)
class Source:
    """A table as read, with distinct column names, notes about what was repaired, and the folder of its file if it has one."""

    table: pa.Table
    notes: tuple[str, ...] = ()
    folder: Path | None = None
