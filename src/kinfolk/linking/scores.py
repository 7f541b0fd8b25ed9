"""The table of scored candidate pairs, as ``Links.scores`` describes it, before anything is decided."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple

import numpy as np
import pyarrow as pa

from kinfolk.evaluation.interval import Interval
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.links import EVIDENCE, SIMILARITY
from kinfolk.linking.match import Evidence

_CANDIDATE_RECALL = b"candidate recall"
_RELATION = b"relation"
_NOTES = b"notes"


def scores_table(
    candidates: Candidates,
    evidence: Evidence,
    shown: Mapping[str, np.ndarray],
    *,
    relation: str = "many-to-many",
    reason: str = "",
    candidate_recall: Interval | None = None,
    notes: Sequence[str] = (),
) -> pa.Table:
    """Lay out rows, probability, and for each comparison its evidence and the similarity people are shown.

    Args:
        candidates: the pairs.
        evidence: of each pair.
        shown: by label, float32 (pairs,), NaN where a side is missing; labels without one show no similarity.
        relation: under which the evidence was weighed, as a key of ``ONCE``.
        reason: why it was chosen, in one sentence; empty where it was given.
        candidate_recall: estimated share of the true matches that are candidates.
        notes: sentences about what could not be compared.
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
    share = None if candidate_recall is None else astuple(candidate_recall)
    metadata = {
        b"prior": repr(evidence.prior),
        _CANDIDATE_RECALL: json.dumps(share),
        _RELATION: json.dumps([relation, reason]),
        _NOTES: json.dumps(list(notes)),
    }
    return pa.table(columns).replace_schema_metadata(metadata)


def prior_of_scores(scores: pa.Table) -> float:
    """Log-odds of a candidate pair before any evidence."""
    return float(scores.schema.metadata[b"prior"])


def relation_of_scores(scores: pa.Table) -> tuple[str, str]:
    """The relation under which scores were made, and why it was chosen, or an empty text where it was given."""
    relation, reason = json.loads(scores.schema.metadata[_RELATION])
    return relation, reason


def notes_of_scores(scores: pa.Table) -> tuple[str, ...]:
    """Sentences about what could not be compared when scores were made."""
    return tuple(json.loads(scores.schema.metadata[_NOTES]))


def candidate_recall_of(scores: pa.Table) -> Interval | None:
    """Estimated share of the true matches that are candidates; None where it could not be estimated."""
    share = json.loads((scores.schema.metadata or {}).get(_CANDIDATE_RECALL, b"null"))
    return None if share is None else Interval(*share)
