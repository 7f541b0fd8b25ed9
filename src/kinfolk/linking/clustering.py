"""From the scored pairs of one table to its clusters, the same way when they are first made, read back, or made anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from kinfolk.data import Records
from kinfolk.data.text import as_text
from kinfolk.linking.adapt import ModelSource
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.clusters import Clusters
from kinfolk.linking.decide import UNLINKED
from kinfolk.linking.estimate import estimate_from_probabilities
from kinfolk.linking.grouping import Grouping, group_records
from kinfolk.linking.links import Links, Stage
from kinfolk.linking.map_logistic import logit


def cluster_scores(
    records: Records,
    scores: pa.Table,
    prior: float,
    *,
    threshold: float,
    grouping: Grouping,
    one_per: str | None,
    stages: Sequence[Stage] = (),
    notes: Sequence[str] = (),
    models: ModelSource | None = None,
) -> Clusters:
    """Group the records by the scores of their pairs.

    Args:
        records: the table.
        scores: of its candidate pairs, as in ``Links.scores`` without ``link``.
        prior: log-odds of a candidate pair before any evidence.
        threshold: probability from which records belong together, in [0, 1].
        grouping: "average" or "components".
        one_per: column of which a group holds each value once at most; None for no limit.
        stages: what was done.
        notes: sentences for the user.
        models: what was trained on the records; None where nothing was.
    """
    probability = scores.column("probability").to_numpy()
    pairs = Candidates(scores.column("left").to_numpy(), scores.column("right").to_numpy())
    cut = float(logit(np.array([threshold]))[0])
    source = None if one_per is None else _codes(records, one_per)
    groups = group_records(len(records), pairs, logit(probability), cut=cut, grouping=grouping, source=source)
    together = groups[pairs.left] == groups[pairs.right]
    links = Links(
        records,
        records,
        scores.append_column("link", pa.array(together)),
        UNLINKED.empty_table(),
        prior,
        threshold,
        "many-to-many",
        estimate_from_probabilities(probability, together),
        models=models,
    )
    return Clusters(records, links, groups, grouping, one_per, tuple(stages), tuple(notes))


def _codes(records: Records, column: str) -> np.ndarray:
    """A number for each distinct value of a column, -1 where it is missing: int64 (records,)."""
    encoded = as_text(records.table.column(column)).combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
