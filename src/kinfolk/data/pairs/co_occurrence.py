"""Rows that a third table names together belong together: papers that another cites, things bought at once.

Source: co-citation as a sign of likeness is Small, "Co-citation in the scientific literature", JASIS 1973; as pairs to learn
from, Hallee, Kapur, Patel, Gleghorn & Khomtchouk, 2024, arXiv 2401.15713.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import scipy.sparse as sp

from kinfolk.data.pairs.rows import PairRows, Rows, capped, check_per_anchor
from kinfolk.data.texts import numbered
from kinfolk.errors import ConfigurationError

_AT_ONCE = 1 << 22  # pairs that are counted at a time


def pairs_of_co_occurrence(
    ids: Sequence[Hashable],
    items: Sequence[Hashable | None],
    contexts: Sequence[Hashable | None],
    *,
    least: int = 1,
    per_anchor: int = 4,
    largest: int = 1_000,
    seed: int = 0,
) -> PairRows:
    """Each row with those that are named most often in the same contexts, in both directions.

    Args:
        ids: of the rows, each once.
        items: the id that each row of the third table names; ids that are not among ``ids`` are passed over.
        contexts: where it is named, such as the citing paper; None or "" is passed over.
        least: contexts that a pair must share, at least 1.
        per_anchor: positives of each row at most, at least 1; the most frequent ones, equally frequent ones drawn at random.
        largest: rows of a context at most; a larger one, which says little and would cost its square, is passed over.
        seed: of the draw.

    Raises:
        ConfigurationError: tables that do not fit, an id that comes twice, or a number below 1 (``largest``: below 2).
    """
    check_per_anchor(per_anchor)
    if least < 1 or largest < 2:
        raise ConfigurationError(f"least must be at least 1 and largest at least 2. Got {least} and {largest}.")
    if len(items) != len(contexts):
        raise ConfigurationError(f"items and contexts must be of one length. Got {len(items)} and {len(contexts)}.")
    row_of = {one: row for row, one in enumerate(ids)}
    if len(row_of) != len(ids):
        raise ConfigurationError(f"ids must be different. Got {len(ids) - len(row_of):,} that came before.")
    rows = np.fromiter((row_of.get(item, -1) for item in items), np.int64, count=len(items))
    places = numbered(contexts)
    named = (rows >= 0) & (places >= 0)
    shape = (len(ids), int(places.max(initial=-1)) + 1)
    table = sp.csr_matrix((np.ones(named.sum(), np.int64), (rows[named], places[named])), shape=shape)
    table.data[:] = 1  # a context that names a row twice names it
    sizes = np.bincount(table.indices, minlength=shape[1])
    table.data[sizes[table.indices] > largest] = 0
    table.eliminate_zeros()
    found = [PairRows(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    # A row meets at most as many others as its contexts hold, which bounds what a block of rows can cost.
    met = np.concatenate([[0], np.cumsum(sizes[table.indices])])[table.indptr]
    start = 0
    while start < len(ids):
        end = max(start + 1, int(np.searchsorted(met, met[start] + _AT_ONCE, side="right")) - 1)
        found.append(_most_frequent(table, start, end, least, per_anchor, seed))
        start = end
    return PairRows(
        np.concatenate([part.anchors for part in found]), np.concatenate([part.positives for part in found])
    )


def _most_frequent(table: sp.csr_matrix, start: int, end: int, least: int, per_anchor: int, seed: int) -> PairRows:
    counts = (table[start:end] @ table.T).tocoo()
    anchors: Rows = counts.row.astype(np.int64) + start
    positives: Rows = counts.col.astype(np.int64)
    kept = (counts.data >= least) & (anchors != positives)
    return capped(
        anchors[kept], positives[kept], per_anchor=per_anchor, seed=seed, weights=counts.data[kept].astype(np.int64)
    )
