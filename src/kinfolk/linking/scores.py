"""The table of scored candidate pairs, as ``Links.scores`` describes it, before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from kinfolk.linking.candidates import Candidates
from kinfolk.linking.links import EVIDENCE, SIMILARITY
from kinfolk.linking.match import Evidence


def scores_table(candidates: Candidates, evidence: Evidence, shown: Mapping[str, np.ndarray]) -> pa.Table:
    """Lay out rows, probability, and for each comparison its evidence and the similarity people are shown.

    Args:
        candidates: the pairs.
        evidence: of each pair.
        shown: by label, float32 (pairs,), NaN where a side is missing; labels without one show no similarity.
    """
    columns = {
        "left": pa.array(candidates.left, pa.int32()),
        "right": pa.array(candidates.right, pa.int32()),
        "probability": pa.array(evidence.probability, pa.float64()),
    }
    for index, label in enumerate(evidence.labels):
        columns[EVIDENCE + label] = pa.array(evidence.log_odds[:, index], pa.float32())
        if label in shown:
            similarity = np.clip(shown[label], 0, 1)
            columns[SIMILARITY + label] = pa.array(similarity, mask=np.isnan(similarity))
    return pa.table(columns).replace_schema_metadata({"prior": repr(evidence.prior)})


def prior_of_scores(scores: pa.Table) -> float:
    """The log-odds of a pair before any evidence, which ``scores_table`` keeps in the table's metadata."""
    return float((scores.schema.metadata or {})[b"prior"])
