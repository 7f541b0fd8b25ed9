"""What an audit of clusters asks about: the candidate pairs, and the pairs that a group implies without a comparison.

Where A was compared with B and B with C, and all three are one group, the group says that A and C are the same thing.
Whoever counts the pairs of the groups counts that pair, so an audit must be able to ask about it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from kinfolk.linking.candidates import Candidates
from kinfolk.linking.clusters import Clusters
from kinfolk.linking.grouping import SUREST
from kinfolk.linking.links import EVIDENCE, SIMILARITY, Links
from kinfolk.linking.map_logistic import sigmoid
from kinfolk.linking.self_candidates import complete_groups

NEVER_COMPARED = "never compared"


def with_implied(clusters: Clusters) -> Links:
    """The pairs of the clusters, followed by those that are in one group and were no candidates.

    These have the log-odds that grouping counted for them, -10, explained by a comparison of their own.
    """
    links = clusters.pairs
    compared = Candidates(links.scores.column("left").to_numpy(), links.scores.column("right").to_numpy())
    size = max(1, len(clusters.records))
    every = complete_groups(compared, clusters.labels, largest=size)
    new = ~np.isin(_keys(every, size), _keys(compared, size))
    if not new.any():
        return links
    number = int(new.sum())
    rest = np.full(number, -SUREST - links.prior, dtype=np.float32)
    scores = links.scores.append_column(EVIDENCE + NEVER_COMPARED, pa.array(np.zeros(len(compared), np.float32)))
    columns = {
        "left": pa.array(every.left[new], pa.int32()),
        "right": pa.array(every.right[new], pa.int32()),
        "probability": pa.array(np.full(number, float(sigmoid(np.array(-SUREST))))),
        "link": pa.array(np.ones(number, dtype=np.bool_)),
        EVIDENCE + NEVER_COMPARED: pa.array(rest),
    }
    for name in scores.column_names:
        if name.startswith(SIMILARITY):
            columns[name] = pa.nulls(number, pa.float32())
        elif name not in columns:
            columns[name] = pa.array(np.zeros(number, np.float32))
    implied = pa.table({name: columns[name] for name in scores.column_names})
    return replace(links, scores=pa.concat_tables([scores.cast(implied.schema), implied]))


def _keys(pairs: Candidates, size: int) -> np.ndarray:
    return np.asarray(pairs.left.astype(np.int64) * size + pairs.right)
