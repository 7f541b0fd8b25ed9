"""An audit of clusters: truth inside the intervals, pairs that only a group implies, and groups made anew."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import kinfolk
from kinfolk.data import read_table, write_table
from kinfolk.data.persons import generate_persons
from kinfolk.linking.audit.entry import Audit
from kinfolk.linking.audit.implied import NEVER_COMPARED, with_implied
from kinfolk.linking.clustering import cluster_scores


@pytest.fixture(scope="module")
def persons() -> tuple[pa.Table, dict[str, str]]:
    """Two registers of 300 persons in one table, and the person behind each record."""
    made = generate_persons(300, seed=3)
    table = pa.concat_tables([made.left, made.right])
    person = {identity: identity for identity in table["id"].to_pylist()}
    person |= dict(zip(made.truth["right_id"].to_pylist(), made.truth["left_id"].to_pylist(), strict=True))
    return table, person


@pytest.fixture(scope="module")
def run(persons: tuple[pa.Table, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose cut is far too low, so that there is something to find fault with."""
    folder = tmp_path_factory.mktemp("audited") / "run"
    kinfolk.dedupe(persons[0], id="id", threshold=0.001, run=folder)
    return folder


def answer(run: Path, n: int, seed: int, person: dict[str, str], file: Path) -> Audit:
    """An audit with all its pairs judged by the truth."""
    asked = kinfolk.audit(run, n, seed=seed, file=file)
    ids = zip(asked.sheet["left_id"].to_pylist(), asked.sheet["right_id"].to_pylist(), strict=True)
    cells = ["yes" if person[a] == person[b] else "no" for a, b in ids]
    write_table(asked.sheet.set_column(1, "match", [cells]), file)
    return kinfolk.audit(run, n, seed=seed, file=file)


def test_the_intervals_hold_the_true_figures(
    run: Path, persons: tuple[pa.Table, dict[str, str]], tmp_path: Path
) -> None:
    person = persons[1]
    held = []
    for seed in range(10):
        audit = answer(run, 60, seed, person, tmp_path / f"{seed}.csv")
        scores = audit.links.scores
        ids = [
            [person[i] for i in records.ids.take(scores[side].combine_chunks()).to_pylist()]
            for records, side in ((audit.links.left, "left"), (audit.links.right, "right"))
        ]
        match, link = np.array([a == b for a, b in zip(*ids, strict=True)]), scores["link"].to_numpy()
        right = int((match & link).sum())
        assert audit.estimate is not None
        figures = audit.estimate
        for interval, true in (
            (figures.precision, right / link.sum()),
            (figures.recall, right / match.sum()),
            (figures.f1, 2 * right / (link.sum() + match.sum())),
        ):
            held.append(interval.low <= true <= interval.high)
    assert np.mean(held) >= 0.9


def test_groups_made_anew_keep_to_the_answers_and_are_better(
    run: Path, persons: tuple[pa.Table, dict[str, str]], tmp_path: Path
) -> None:
    truth = pa.table({"id": list(persons[1]), "cluster_id": list(persons[1].values())})
    audit = answer(run, 60, 0, persons[1], tmp_path / "audit.csv")
    before, after = audit.result, audit.relinked
    assert isinstance(before, kinfolk.Clusters)
    assert isinstance(after, kinfolk.Clusters)
    assert audit.threshold > 0.001
    assert after.evaluate(truth).pairwise_f1 > before.evaluate(truth).pairwise_f1
    parts = [after.scores[c].to_numpy() for c in after.scores.column_names if c.startswith("evidence/")]
    log_odds = after.pairs.prior + np.sum(parts, axis=0, dtype=np.float64)
    np.testing.assert_allclose(after.scores["probability"].to_numpy(), 1 / (1 + np.exp(-log_odds)), atol=1e-4)


def test_a_pair_that_only_its_group_implies_is_asked_about() -> None:
    """Three records in one group, of which the first and the last were never compared."""
    records = kinfolk.read_records(pa.table({"id": ["a", "b", "c", "d"], "name": ["x", "xy", "y", "z"]}), id="id")
    scores = pa.table(
        {
            "left": pa.array([0, 1, 2], pa.int32()),
            "right": pa.array([1, 2, 3], pa.int32()),
            "probability": [0.99995, 0.99995, 0.001],
            "evidence/name": pa.array([9.9, 9.9, -6.9], pa.float32()),
            "similarity/name": pa.array([0.9, 0.9, 0.1], pa.float32()),
        }
    )
    clusters = cluster_scores(records, scores, 0.0, threshold=0.01, grouping="components", one_per=None)
    assert clusters.labels.tolist() == [0, 0, 0, 3]
    links = with_implied(clusters)
    assert links.scores.slice(0, 3).drop_columns(["evidence/" + NEVER_COMPARED]).equals(clusters.scores)
    added = links.scores.slice(3).to_pylist()
    assert [(row["left"], row["right"], row["link"]) for row in added] == [(0, 2, True)]
    assert added[0]["probability"] == pytest.approx(1 / (1 + np.exp(10)))
    assert links.explain("a", "c").contributions[0].label == NEVER_COMPARED
    assert clusters.num_pairs == 3


def test_the_sheet_of_a_table_shows_both_records(run: Path, tmp_path: Path) -> None:
    audit = kinfolk.audit(run, 12, file=tmp_path / "audit.csv")
    columns = read_table(audit.file).column_names
    assert columns[:4] == ["pair", "match", "left_id", "right_id"]
    assert {"left phone", "right phone"} <= set(columns)
