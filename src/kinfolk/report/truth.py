"""The candidates beside a truth the user supplied: which are right, and how good the result is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from kinfolk.errors import DataError
from kinfolk.evaluation import evaluate_clusters, evaluate_links
from kinfolk.evaluation.candidates import pair_completeness
from kinfolk.evaluation.links import pair_keys, read_labels
from kinfolk.report.pair_table import PairTable
from kinfolk.report.score_summary import Bools


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the truth says.

    Attributes:
        judged: which candidates the truth speaks of, (n,).
        correct: which candidates are true matches, (n,); False where not judged.
        precision, recall, f1: of the result against this truth.
        candidate_recall: share of the true links that are candidates; None for clusters.
    """

    judged: Bools
    correct: Bools
    precision: float
    recall: float
    f1: float
    candidate_recall: float | None = None


def judge(pairs: PairTable, result: pa.Table, truth: pa.Table) -> Judgement:
    """Hold the candidates and the result against the truth.

    Args:
        pairs: every candidate.
        result: the links (``left_id``, ``right_id``) or the clusters (``id``, ``cluster_id``).
        truth: all true links (``left_id``, ``right_id``), or judged pairs (with ``label``, 1 or 0), or for one table
            the true clusters (``id``, ``cluster_id``).

    Raises:
        DataError: the truth has not the columns that the result needs.
    """
    names = set(truth.column_names)
    if {"id", "cluster_id"} <= names and "cluster_id" in result.column_names:
        metrics = evaluate_clusters(result, truth)
        correct = _same_cluster(pairs, truth)
        everywhere = np.ones(len(pairs), dtype=bool)
        return Judgement(everywhere, correct, metrics.pairwise_precision, metrics.pairwise_recall, metrics.pairwise_f1)
    if not {"left_id", "right_id"} <= names or "left_id" not in result.column_names:
        wanted = "id and cluster_id" if "cluster_id" in result.column_names else "left_id and right_id"
        raise DataError(f"The truth of the report needs the columns {wanted}. Got {', '.join(truth.column_names)}.")
    links = evaluate_links(result, truth)
    judged, correct = _judged_pairs(pairs, truth)
    true = truth
    if "label" in names:
        true = truth.filter(pa.array(read_labels(truth.column("label"), where="The truth, column label")))
    kept = pair_completeness(_candidate_ids(pairs), true)
    return Judgement(judged, correct, links.precision, links.recall, links.f1, kept)


def _candidate_ids(pairs: PairTable) -> pa.Table:
    left = pairs.left.ids.take(pa.array(pairs.left_rows))
    right = pairs.right.ids.take(pa.array(pairs.right_rows))
    return pa.table({"left_id": left, "right_id": right})


def _judged_pairs(pairs: PairTable, truth: pa.Table) -> tuple[Bools, Bools]:
    ours, theirs = pair_keys(_candidate_ids(pairs), truth)
    if "label" not in truth.column_names:
        return np.ones(len(pairs), dtype=bool), np.isin(ours, theirs)
    labels = read_labels(truth.column("label"), where="The truth, column label")
    complete = bool(labels.all())  # without a single 0 the table is the list of all matches, as in evaluate_links
    return np.ones(len(pairs), dtype=bool) if complete else np.isin(ours, theirs), np.isin(ours, theirs[labels])


def _same_cluster(pairs: PairTable, truth: pa.Table) -> Bools:
    cluster_of = dict(
        zip(map(str, truth.column("id").to_pylist()), truth.column("cluster_id").to_pylist(), strict=True)
    )
    clusters = [cluster_of.get(str(i)) for i in pairs.left.ids.to_pylist()]
    codes: dict[object, int] = {}
    # A record the truth does not list is a cluster of its own.
    numbers = np.array(
        [codes.setdefault(c, len(codes)) if c is not None else -1 - row for row, c in enumerate(clusters)]
    )
    if not len(pairs):
        return np.zeros(0, dtype=bool)
    return np.asarray(numbers[pairs.left_rows] == numbers[pairs.right_rows])
