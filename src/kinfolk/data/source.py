"""What a reader returns: a table, and the sentences its user should see."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True)
class Source:
    """A table as read, with distinct column names, and notes about what was repaired."""

    table: pa.Table
    notes: tuple[str, ...] = ()
