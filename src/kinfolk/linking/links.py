"""The result of linking two tables: who is who, how sure, why, and who stayed alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from kinfolk.data import Records
from kinfolk.evaluation.interval import Estimate, Interval
from kinfolk.linking.explanation import Explanation


@dataclass(frozen=True)
class Stage:
    """One finished stage of a run: its name, how long it took, and a few words on what it made."""

    name: str
    seconds: float
    detail: str = ""


@dataclass(frozen=True)
class Links:
    """Links between two tables.

    Attributes:
        left, right: the two tables.
        scores: every candidate pair: ``left``, ``right`` (row numbers, int32), ``probability`` (float64), ``link`` (bool),
            and for each comparison ``evidence/<label>`` (float32, log-odds; with ``prior`` they sum to the log-odds of
            ``probability``) and ``similarity/<label>`` (float32 in [0, 1], null when a side is missing).
        unlinked: every record without a link: ``side``, ``row``, ``reason``, ``rival`` (best candidate on the other side),
            ``winner`` (the record of the same side that the rival was linked to), ``probability`` (of the best candidate).
        prior: log-odds of a candidate pair before any evidence.
        threshold: the cut on the probability.
        relation: "one-to-one", "many-to-one", "one-to-many" or "many-to-many".
        estimate: precision, recall and F1 without truth.
        candidate_recall: estimated share of the true matches that are among the candidates.
        stages: what was done and how long it took.
        notes: sentences for the user.
    """

    left: Records
    right: Records
    scores: pa.Table
    unlinked: pa.Table
    prior: float
    threshold: float
    relation: str
    estimate: Estimate
    candidate_recall: Interval
    stages: tuple[Stage, ...] = ()
    notes: tuple[str, ...] = ()

    def to_arrow(self) -> pa.Table: ...
    def explain(self, left_id: object, right_id: object) -> Explanation: ...
    def report(self, path: str | Path) -> Path: ...
