"""The result of grouping one table: which records are the same thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kinfolk.data import Records
from kinfolk.evaluation import evaluate_clusters
from kinfolk.evaluation.interval import Estimate
from kinfolk.linking.explanation import Explanation
from kinfolk.linking.links import Links, Stage

if TYPE_CHECKING:
    from kinfolk.evaluation import ClusterMetrics
    from kinfolk.evaluation.tables import TableLike


@dataclass(frozen=True, eq=False)
class Clusters:
    """Groups of records of one table.

    Attributes:
        records: the table.
        pairs: the candidate pairs of the table with itself, as links between equal tables (left row < right row).
        labels: for each row the smallest row of its group, int64.
        stages: what was done and how long it took.
        notes: sentences for the user.
    """

    records: Records
    pairs: Links
    labels: np.ndarray
    stages: tuple[Stage, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def scores(self) -> pa.Table:
        """Every candidate pair with its probability and evidence, as in ``Links.scores``."""
        return self.pairs.scores

    @property
    def threshold(self) -> float:
        """The cut on the probability."""
        return self.pairs.threshold

    @property
    def estimate(self) -> Estimate:
        """Precision, recall and F1 of the pairs, without truth."""
        return self.pairs.estimate

    def to_arrow(self) -> pa.Table:
        """The groups: ``id`` as given and ``cluster_id``, the id of the first record of the group."""
        ids = self.records.ids
        return pa.table({"id": ids, "cluster_id": ids.take(pa.array(self.labels))})

    def evaluate(self, truth: TableLike) -> ClusterMetrics:
        """Compare the groups with the true ones (columns ``id`` and ``cluster_id``)."""
        return evaluate_clusters(self.to_arrow(), truth)

    def explain(self, first_id: object, second_id: object) -> Explanation:
        """Say what speaks for and against one candidate pair."""
        return self.pairs.explain(first_id, second_id)

    def explain_candidate(self, position: int) -> Explanation:
        """As ``explain``, for the pair in one row of ``scores``."""
        return self.pairs.explain_candidate(position)
