import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kinfolk.errors import DataError
from kinfolk.report import write_report
from kinfolk.report.cluster_summary import cluster_summary
from kinfolk.report.pair_table import pair_table


def summary_of(clusters: Any) -> Any:
    pairs = pair_table(
        clusters.scores,
        clusters.records,
        clusters.records,
        relation="many-to-many",
        threshold=0.5,
        explain=clusters.explain_candidate,
        focus=clusters.focus_rows,
    )
    return cluster_summary(clusters.labels, pairs)


def test_sizes_and_members(names: Any) -> None:
    summary = summary_of(names)
    assert summary.sizes.tolist() == [3, 2, 1]
    assert [summary.members(c).tolist() for c in range(3)] == [[0, 1, 2], [3, 4], [5]]
    assert summary.biggest(5) == [0, 1]


def test_a_cluster_hangs_by_the_weakest_pair_of_its_strongest_tree(names: Any) -> None:
    # 0-1 has 3 log-odds, 1-2 has 0.5, 0-2 has -1: the tree is 0-1-2 and its weakest pair is 1-2, not 0-2.
    summary = summary_of(names)
    assert summary.doubtful(1) == [(0, 2)]
    assert summary.weakest_probability(0) == pytest.approx(1 / (1 + np.exp(-0.5)))
    assert summary.weakest_probability(2) is None


def test_the_page_tells_of_the_clusters(names: Any, tmp_path: Path) -> None:
    source = write_report(names, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "things behind the 6 records of <em>people</em>" in source
    assert "5 of 6 records of people (83.3\u00a0%) are in 2 clusters of two or more; 3 records would go" in source
    assert "Estimated from pairs that a person has judged." in source
    assert "3 records, held together by at least 0.62" in source
    assert 'data-count="1"' in source
    assert '<span class="state">in one cluster</span>' in source
    assert 'id="unlinked"' not in source
    assert '<a href="#weak">1 cluster hangs</a> by a pair with a probability below 0.9' in source
    assert "clusters take them together" in source
    assert "kinfolk audit" not in source, "its pairs have been judged"
    not_judged = dataclasses.replace(names, estimate=dataclasses.replace(names.estimate, source="model"))
    assert "kinfolk audit RUN" in write_report(not_judged, tmp_path / "model.html").read_text(encoding="utf-8")


def test_true_clusters_give_true_figures(names: Any, tmp_path: Path) -> None:
    truth = pa.table({"id": [1, 2, 3, 4, 5, 6], "cluster_id": ["x", "x", "y", "z", "z", "w"]})
    source = write_report(names, tmp_path / "report.html", truth=truth).read_text(encoding="utf-8")
    # Predicted pairs: three in the first cluster, one in the second; true are 1-2 and 4-5.
    assert "true value <b>0.500</b>" in source
    assert "true value <b>1.000</b>" in source
    assert "for 5 judged pairs" in source


def test_a_truth_of_links_is_refused_for_clusters(names: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs the columns id and cluster_id"):
        write_report(names, tmp_path / "report.html", truth=pa.table({"left_id": [1], "right_id": [2]}))
