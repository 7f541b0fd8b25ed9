"""A bundled example of records with images: two editions of a trade directory, as Tesseract read them, and which entries go together.

Every firm is invented. How the pages were made stands in ``bundled/trade_directory/README.md``.
"""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import pyarrow as pa


class TradeDirectory(NamedTuple):
    """Two editions, and the truth.

    Attributes:
        left: the first edition: ``id``, ``text``, what was read, and ``image``, the crop it was read from, a gray WebP file in a
            struct of ``bytes`` and ``path``, as data sets of Hugging Face have it.
        right: the edition of seven years later, with the same columns.
        truth: ``left_id`` and ``right_id`` of the entries of one firm, one-to-one.
    """

    left: pa.Table
    right: pa.Table
    truth: pa.Table


def trade_directory() -> TradeDirectory:
    """Read the two editions of the bundled trade directory, and which entries are of one firm."""
    import pyarrow.csv as csv
    import pyarrow.parquet as pq

    folder = files("kinfolk.data") / "bundled" / "trade_directory"
    left, right = (
        pq.read_table(pa.BufferReader((folder / f"{edition}_edition.parquet").read_bytes()))
        for edition in ("first", "second")
    )
    truth = csv.read_csv(pa.BufferReader((folder / "true_links.csv").read_bytes()))
    return TradeDirectory(left, right, truth)
