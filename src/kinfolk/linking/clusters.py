"""The result of grouping one table: which records are the same thing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kinfolk.data import Records, read_table
from kinfolk.evaluation import evaluate_clusters
from kinfolk.evaluation.interval import Estimate
from kinfolk.linking.explanation import Explanation
from kinfolk.linking.focus import Focus
from kinfolk.linking.grouping import Grouping
from kinfolk.linking.links import Links, Stage, row_of
from kinfolk.linking.result import Result

if TYPE_CHECKING:
    from kinfolk.evaluation import ClusterMetrics
    from kinfolk.evaluation.tables import TableLike


@dataclass(frozen=True, eq=False)
class Clusters(Result):
    """Groups of records of one table.

    Attributes:
        records: the table.
        pairs: the candidate pairs of the table with itself, as links between equal tables (left row < right row).
        labels: for each row the smallest row of its group, int64.
        grouping: "average" or "components", as in ``cluster``.
        one_per: column of which a group holds each value once at most; None for no limit.
        stages: what was done and how long it took.
        notes: sentences for the user.
    """

    records: Records
    pairs: Links
    labels: np.ndarray
    grouping: Grouping = "average"
    one_per: str | None = None
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

    @property
    def num_pairs(self) -> int:
        """How many pairs of records are in one group, compared or not."""
        sizes = np.unique(self.labels, return_counts=True)[1].astype(np.int64)
        return int((sizes * (sizes - 1) // 2).sum())

    def __len__(self) -> int:
        return len(np.unique(self.labels))

    def __repr__(self) -> str:
        return f"Clusters({self.records.name}, {len(self):,} groups of {len(self.records):,} records)"

    def to_arrow(self) -> pa.Table:
        """The groups: ``id`` as given and ``cluster_id``, the id of the first record of the group.

        Where the first records of several groups share an id, or have none, the cluster ids are row numbers from 1 on.
        """
        ids = self.records.ids
        leaders = ids.take(pa.array(np.unique(self.labels)))
        if leaders.null_count or len(leaders.unique()) < len(leaders):
            return pa.table({"id": ids, "cluster_id": pa.array(self.labels + 1, pa.int64())})
        return pa.table({"id": ids, "cluster_id": ids.take(pa.array(self.labels))})

    def evaluate(self, truth: TableLike | str | Path) -> ClusterMetrics:
        """Compare the groups with the true ones.

        Args:
            truth: a file or table with columns ``id`` and ``cluster_id``.
        """
        table = read_table(truth) if isinstance(truth, str | Path) else truth
        return evaluate_clusters(self.to_arrow(), table)

    def explain(self, first_id: object, second_id: object) -> Explanation:
        """Say what speaks for and against one candidate pair, given either way round.

        Raises:
            ConfigurationError: an id that does not exist, or a pair that was not a candidate.
        """
        if row_of(self.records, first_id) > row_of(self.records, second_id):
            first_id, second_id = second_id, first_id
        return self.explain_candidate(self.pairs.position(first_id, second_id))

    def explain_candidate(self, position: int) -> Explanation:
        """As ``explain``, for the pair in one row of ``scores``; its rivals are of other groups."""
        ends = np.column_stack([self.scores.column(side).to_numpy() for side in ("left", "right")])
        rivals = np.isin(ends, ends[position]).any(axis=1) & ~self.scores.column("link").to_numpy()
        return self.pairs.explain_beside(position, rivals & (np.arange(len(ends)) != position))

    def focus(self, first_id: object, second_id: object) -> Focus | None:
        """Say what the encoder that was trained on the records looked at in a pair; see ``Links.focus``."""
        return self.pairs.focus(first_id, second_id)

    def focus_rows(self, first_row: int, second_row: int) -> Focus | None:
        """As ``focus``, for the records in these rows."""
        return self.pairs.focus_rows(first_row, second_row)
