"""One entry point: links or clusters, told apart by their columns."""

from __future__ import annotations

from typing import Protocol

import pyarrow as pa

from kinfolk.errors import DataError
from kinfolk.evaluation.clusters import ClusterMetrics, evaluate_clusters
from kinfolk.evaluation.links import LinkMetrics, evaluate_links
from kinfolk.evaluation.tables import TableLike, as_table

_LINKS = ("left_id", "right_id")
_CLUSTERS = ("id", "cluster_id")


class Result(Protocol):
    """What linking and clustering return."""

    def to_arrow(self) -> pa.Table: ...  # noqa: D102


def evaluate(result: TableLike | Result, truth: TableLike | Result) -> LinkMetrics | ClusterMetrics:
    """Compare a result with the truth; their columns say what they are.

    Args:
        result: links (``left_id``, ``right_id``) or clusters (``id``, ``cluster_id``): a table, or what ``link`` and
            ``cluster`` return.
        truth: the same kind; true links may have a ``label`` column.

    Returns:
        ``LinkMetrics`` or ``ClusterMetrics``.

    Raises:
        DataError: the columns are neither, or the two tables are of different kinds.
    """
    result_table, truth_table = _table(result, "The result"), _table(truth, "The truth")
    kind, truth_kind = _kind(result_table, "The result"), _kind(truth_table, "The truth")
    if kind != truth_kind:
        raise DataError(
            f"The result holds {kind} and the truth holds {truth_kind}; both must be of one kind. "
            "Give links (left_id, right_id) with true links, or clusters (id, cluster_id) with true clusters."
        )
    if kind == "links":
        return evaluate_links(result_table, truth_table)
    return evaluate_clusters(result_table, truth_table)


def _table(source: TableLike | Result, name: str) -> pa.Table:
    # A polars frame has to_arrow too; both ways lead to the same table.
    to_arrow = getattr(source, "to_arrow", None)
    return to_arrow() if callable(to_arrow) else as_table(source, name=name)


def _kind(table: pa.Table, name: str) -> str:
    if all(column in table.column_names for column in _LINKS):
        return "links"
    if all(column in table.column_names for column in _CLUSTERS):
        return "clusters"
    raise DataError(
        f"{name} must have the columns left_id, right_id (links) or id, cluster_id (clusters). "
        f"It has: {', '.join(table.column_names) or 'no columns'}. Rename its columns."
    )
