"""Pairwise, B-cubed and Rand agreement of two clusterings, in time linear in the records."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kinfolk.errors import DataError
from kinfolk.evaluation.links import f1_score
from kinfolk.evaluation.tables import TableLike, as_strings, id_strings, read_columns, shared_codes


@dataclass(frozen=True)
class ClusterMetrics:
    """How good a clustering is.

    Attributes:
        pairwise_precision, pairwise_recall, pairwise_f1: over all pairs of records that share a cluster.
        bcubed_precision, bcubed_recall, bcubed_f1: mean over records (Bagga and Baldwin 1998), so that one large
            cluster does not decide alone.
        adjusted_rand: agreement corrected for chance (Hubert and Arabie 1985); 1 is equality, 0 is chance.
        num_records: records compared.
        num_clusters, num_singletons: predicted clusters, and those of one record.
        num_true_clusters, num_true_singletons: the same for the truth.
        notes: sentences on what was counted how.
    """

    pairwise_precision: float
    pairwise_recall: float
    pairwise_f1: float
    bcubed_precision: float
    bcubed_recall: float
    bcubed_f1: float
    adjusted_rand: float
    num_records: int
    num_clusters: int
    num_singletons: int
    num_true_clusters: int
    num_true_singletons: int
    notes: tuple[str, ...] = ()


def evaluate_clusters(predicted: TableLike, truth: TableLike) -> ClusterMetrics:
    """Compare a clustering with the true one.

    Many tools, and many hand-made truths, list only records that have a partner. So a record that one table does not
    list, or lists without a cluster, is a cluster of its own there; the notes say how many there were.

    Args:
        predicted: columns ``id``, ``cluster_id``; ids compared as text.
        truth: the same columns.

    Returns:
        Pairwise, B-cubed and Rand figures and counts.

    Raises:
        DataError: a column or an id is missing, an id is in two clusters of one table, or the tables share no id.
    """
    notes: list[str] = []
    names = ("The predicted clusters", "The true clusters")
    tables = [
        read_columns(source, ("id", "cluster_id"), name=name)
        for source, name in zip((predicted, truth), names, strict=True)
    ]
    ids = [id_strings(table, "id", name=name) for table, name in zip(tables, names, strict=True)]
    predicted_rows, truth_rows, num_records = shared_codes(ids[0], ids[1])
    if num_records and not np.intersect1d(predicted_rows, truth_rows).size:
        raise DataError(
            "The predicted and the true clusters must speak of the same records, but no id is in both tables. "
            f"The first ids are {_first(ids[0])} and {_first(ids[1])}. Check the id columns."
        )
    labels = [
        _labels(table, rows, num_records, name, notes)
        for table, rows, name in zip(tables, (predicted_rows, truth_rows), names, strict=True)
    ]
    return compare_labels(labels[0], labels[1], notes=tuple(notes))


def compare_labels(
    predicted: NDArray[np.int64], truth: NDArray[np.int64], *, notes: tuple[str, ...] = ()
) -> ClusterMetrics:
    """Compare two clusterings given as one integer label for each record.

    Args:
        predicted: labels, shape (n,).
        truth: labels, shape (n,).
        notes: handed on.

    Raises:
        DataError: the lengths differ.
    """
    if predicted.shape != truth.shape:
        raise DataError(f"Both clusterings need one label a record. Got {predicted.size} and {truth.size} labels.")
    size = predicted.size
    _, first, rows = np.unique(predicted, return_inverse=True, return_counts=True)
    _, second, columns = np.unique(truth, return_inverse=True, return_counts=True)
    cells, counts = np.unique(first * max(columns.size, 1) + second, return_counts=True)
    of_row, of_column = (cells // max(columns.size, 1), cells % max(columns.size, 1))
    same_both, same_predicted, same_truth = (_pairs(values) for values in (counts, rows, columns))
    pairwise = f1_score(same_both, same_predicted, same_truth)
    squares = counts.astype(np.float64) ** 2
    bcubed_precision = float((squares / rows[of_row]).sum() / size) if size else 1.0
    bcubed_recall = float((squares / columns[of_column]).sum() / size) if size else 1.0
    return ClusterMetrics(
        *pairwise,
        bcubed_precision,
        bcubed_recall,
        2.0 * bcubed_precision * bcubed_recall / (bcubed_precision + bcubed_recall),
        adjusted_rand(same_both, same_predicted, same_truth, size),
        num_records=size,
        num_clusters=rows.size,
        num_singletons=int((rows == 1).sum()),
        num_true_clusters=columns.size,
        num_true_singletons=int((columns == 1).sum()),
        notes=notes,
    )


def _pairs(counts: NDArray[np.int64]) -> int:
    """Number of unordered pairs inside groups of these sizes."""
    wide = counts.astype(np.int64)
    return int((wide * (wide - 1) // 2).sum())


def adjusted_rand(same_both: int, same_predicted: int, same_truth: int, size: int) -> float:
    """Agreement of two clusterings corrected for chance (Hubert and Arabie 1985); 1 is equality, 0 is chance.

    Args:
        same_both, same_predicted, same_truth: pairs of records that share a cluster in both, the one, the other.
        size: number of records.
    """
    all_pairs = size * (size - 1) // 2
    if same_both == same_predicted == same_truth:
        return 1.0
    # Python integers: the product of two pair counts passes 2**63 at some ten million records.
    expected = same_predicted * same_truth / all_pairs
    highest = (same_predicted + same_truth) / 2
    return float((same_both - expected) / (highest - expected))


def _labels(
    table: pa.Table, rows: NDArray[np.int64], num_records: int, name: str, notes: list[str]
) -> NDArray[np.int64]:
    """One label for each record; records the table leaves out get labels of their own."""
    clusters = as_strings(table.column("cluster_id"), where=f"{name}, column cluster_id").dictionary_encode()
    codes = clusters.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    given = np.full(num_records, -1, dtype=np.int64)
    given[rows[::-1]] = codes[::-1]  # the first mention wins, so that the error names the later one
    clash = np.flatnonzero(given[rows] != codes)
    if clash.size:
        row = int(clash[0])
        raise DataError(
            f"{name}, row {row + 1}: the id {table.column('id')[row].as_py()!r} is in two clusters. "
            "Each record belongs to one cluster; merge them or drop a row."
        )
    repeated = rows.size - np.unique(rows).size
    if repeated:
        notes.append(f"{name}: {repeated:,} rows repeat another row and were counted once.")
    without = np.flatnonzero(given < 0)
    if without.size:
        given[without] = len(clusters.dictionary) + np.arange(without.size)
        notes.append(f"{name}: {without.size:,} of {num_records:,} records have no cluster; each counts as its own.")
    return given


def _first(ids: pa.Array) -> str:
    return ", ".join(repr(value) for value in ids[:3].to_pylist()) or "none"
