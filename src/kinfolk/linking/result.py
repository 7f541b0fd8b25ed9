"""What linking two tables and grouping one have in common: a table as a result, and a page to look at."""

from __future__ import annotations

from abc import ABC, abstractmethod
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class Result(ABC):
    """A result that can be had as a table of any kind, and as a report."""

    @abstractmethod
    def to_arrow(self) -> pa.Table:
        """The result as an Arrow table."""

    def to_pandas(self) -> pd.DataFrame:
        """The result as a pandas data frame, with the columns of ``to_arrow``."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def to_polars(self) -> pl.DataFrame:
        """The result as a polars data frame, with the columns of ``to_arrow``."""
        import polars

        frame = polars.from_arrow(self.to_arrow())
        assert isinstance(frame, polars.DataFrame)
        return frame

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that needs no network."""
        # The report stands to the right of linking; only this convenience reaches over.
        write_report = import_module("kinfolk.report").write_report
        return Path(write_report(self, path))
