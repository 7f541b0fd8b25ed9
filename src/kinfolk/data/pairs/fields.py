"""Two fields of one record, such as title and abstract, belong together."""

from __future__ import annotations

import numpy as np

from kinfolk.data.pairs.rows import PairRows
from kinfolk.data.records import Records


def pairs_of_fields(records: Records, first: str, second: str) -> PairRows:
    """Each record with itself, where both fields are filled and do not say the same.

    Args:
        records: any.
        first, second: names of columns, whose texts are the anchors and the positives.

    Raises:
        ConfigurationError: no such column.
    """
    pairs = zip(records.texts(first), records.texts(second), strict=True)
    rows = np.flatnonzero(np.fromiter((bool(a and b and a != b) for a, b in pairs), np.bool_, count=len(records)))
    return PairRows(rows, rows)
