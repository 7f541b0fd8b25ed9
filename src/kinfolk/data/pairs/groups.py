"""Rows of the same label, or of the same cluster, belong together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import pyarrow as pa

from kinfolk.data.names import require_columns
from kinfolk.data.pairs.rows import PairRows, Rows, check_per_anchor
from kinfolk.data.records import Records
from kinfolk.data.text import as_text
from kinfolk.data.texts import numbered


def pairs_of_groups(groups: Sequence[Hashable | None], *, per_anchor: int = 1, seed: int = 0) -> PairRows:
    """Each row with some others of its group.

    A group stands in a ring, in an order drawn at random, and each row is paired with those behind it: so a row is a positive as
    often as an anchor, and the number of pairs is that of the rows, times ``per_anchor``, also where a group is large.

    Args:
        groups: of each row, such as its label; None or "" for a row without.
        per_anchor: positives of each row at most, at least 1.
        seed: of the order.

    Raises:
        ConfigurationError: per_anchor below 1.
    """
    check_per_anchor(per_anchor)
    numbers = numbered(groups)
    grouped = np.flatnonzero(numbers >= 0)
    drawn = np.random.default_rng(seed).permutation(len(grouped))
    ring = grouped[np.lexsort((drawn, numbers[grouped]))]
    sizes = np.bincount(numbers[grouped])
    starts, size = np.repeat(np.cumsum(sizes) - sizes, sizes), np.repeat(sizes, sizes)
    place = np.arange(len(ring)) - starts
    anchors, positives = list[Rows](), list[Rows]()
    for step in range(1, min(per_anchor, int(sizes.max(initial=1)) - 1) + 1):
        large = size > step
        anchors.append(ring[large])
        positives.append(ring[(starts + (place + step) % np.maximum(size, 1))[large]])
    if not anchors:
        return PairRows(np.zeros(0, np.int64), np.zeros(0, np.int64))
    first, second = np.concatenate(anchors), np.concatenate(positives)
    order = np.lexsort((second, first))
    return PairRows(first[order], second[order])


def pairs_of_clusters(records: Records, clusters: pa.Table, *, per_anchor: int = 1, seed: int = 0) -> PairRows:
    """Each record with some others of its cluster.

    Args:
        records: with the ids of the clusters; a record without a cluster stands alone.
        clusters: columns id and cluster_id, as ``kinfolk dedupe`` writes them.
        per_anchor, seed: see ``pairs_of_groups``.

    Raises:
        ConfigurationError: a column is missing, or per_anchor is below 1.
    """
    require_columns(("id", "cluster_id"), clusters.column_names, "clusters")
    ids, of = (as_text(clusters.column(name)).to_pylist() for name in ("id", "cluster_id"))
    cluster_of = dict(zip(ids, of, strict=True))
    own = as_text(pa.chunked_array([records.ids])).to_pylist()
    return pairs_of_groups([cluster_of.get(one) if one else None for one in own], per_anchor=per_anchor, seed=seed)
