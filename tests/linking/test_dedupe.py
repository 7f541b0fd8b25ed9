"""One table from beginning to end: its duplicates, whatever the order of rows, with resume, labels and sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import kinfolk
from kinfolk.data.persons import generate_persons
from kinfolk.linking.agreement import MISSING, chance_of_levels, measures_of
from kinfolk.linking.alignment import FieldPair
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.compare import prepare_fields
from kinfolk.linking.match_within import prior_of, share_kept
from kinfolk.linking.self_candidates import candidates_within, complete_between, complete_groups


@pytest.fixture(scope="module")
def persons() -> tuple[pa.Table, pa.Table]:
    """Two registers of 300 persons stacked into one table, and the true groups."""
    made = generate_persons(300, seed=3)
    left, right = made.left, made.right
    table = pa.concat_tables([left, right])
    table = table.append_column("register", pa.array(["A"] * len(left) + ["B"] * len(right)))
    group = {identity: identity for identity in table.column("id").to_pylist()}
    group |= dict(zip(made.truth.column("right_id").to_pylist(), made.truth.column("left_id").to_pylist(), strict=True))
    ids = table.column("id")
    return table, pa.table({"id": ids, "cluster_id": [group[i] for i in ids.to_pylist()]})


@pytest.fixture(scope="module")
def found(persons: tuple[pa.Table, pa.Table]) -> kinfolk.Clusters:
    return kinfolk.dedupe(persons[0], id="id", ignore=["register"])


def partition(clusters: kinfolk.Clusters) -> set[frozenset[object]]:
    table = clusters.to_pandas().groupby("cluster_id")["id"]
    return {frozenset(ids) for _, ids in table}


def test_persons_are_found_again(found: kinfolk.Clusters, persons: tuple[pa.Table, pa.Table]) -> None:
    figures = found.evaluate(persons[1])
    assert figures.pairwise_f1 > 0.9  # a third of the persons share a household with another
    assert len(found) == figures.num_clusters


def test_the_order_of_rows_does_not_count(found: kinfolk.Clusters, persons: tuple[pa.Table, pa.Table]) -> None:
    shuffled = persons[0].take(np.random.default_rng(0).permutation(len(persons[0])))
    again = kinfolk.dedupe(shuffled, id="id", ignore=["register"])
    assert partition(found) == partition(again)


def test_the_cluster_id_is_that_of_the_first_record(found: kinfolk.Clusters) -> None:
    table = found.to_arrow().to_pylist()
    first: dict[object, object] = {}
    for row in table:
        first.setdefault(row["cluster_id"], row["id"])
    assert all(cluster == identity for cluster, identity in first.items())


def test_the_evidence_adds_up_and_is_explained_either_way_round(found: kinfolk.Clusters) -> None:
    row = found.scores.filter(found.scores.column("link")).slice(0, 1).to_pylist()[0]
    ids = [found.records.ids[row[side]].as_py() for side in ("left", "right")]
    why = found.explain(*ids)
    total = why.prior + sum(part.log_odds for part in why.contributions)
    assert 1 / (1 + np.exp(-total)) == pytest.approx(why.probability, abs=1e-5)
    assert found.explain(*reversed(ids)) == why
    assert why.linked


def test_the_rival_is_of_another_group_whichever_side_it_stands_on() -> None:
    names = ["anna bauer berlin", "anna bauer berlin", "anna bauer bonn", "otto klein ulm", "otto klein ulm"]
    found = kinfolk.dedupe(pa.table({"id": [1, 2, 3, 4, 5], "name": names}), id="id")
    assert found.labels.tolist() == [0, 0, 2, 3, 3]
    rival = found.explain(1, 2).rival
    assert rival is not None
    assert {rival.left_id, rival.right_id} in ({1, 3}, {2, 3})
    assert not rival.linked


def test_a_run_resumes_and_says_what_it_is(persons: tuple[pa.Table, pa.Table], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    first = kinfolk.dedupe(persons[0], id="id", ignore=["register"], run=folder)
    (folder / "clusters.parquet").unlink()
    again = kinfolk.dedupe(persons[0], id="id", ignore=["register"], run=folder)
    assert again.to_arrow().equals(first.to_arrow())
    assert "match" not in {stage.name for stage in again.stages}
    assert isinstance(kinfolk.load(folder), kinfolk.Clusters)
    with pytest.raises(kinfolk.RunError, match="another"):
        kinfolk.dedupe(persons[0].slice(5), id="id", ignore=["register"], run=folder)


def test_a_group_holds_each_source_once(persons: tuple[pa.Table, pa.Table]) -> None:
    grouped = kinfolk.cluster(persons[0], id="id", one_per="register", threshold=0.001)
    registers = np.array(persons[0].column("register").to_pylist())
    for name in np.unique(grouped.labels):
        assert len(set(registers[grouped.labels == name])) == (grouped.labels == name).sum()
    assert len(grouped) < len(persons[0])


@pytest.mark.slow
def test_labels_teach_and_may_be_given_either_way_round(
    found: kinfolk.Clusters, persons: tuple[pa.Table, pa.Table]
) -> None:
    """Taught that whoever shares a household is one, the groups become households."""
    table = persons[0]
    rows = table.to_pylist()
    pairs = [
        (i, j) for i in range(len(rows)) for j in range(i) if rows[i]["phone"] and rows[i]["phone"] == rows[j]["phone"]
    ]
    draw = np.random.default_rng(0)
    other = [tuple(sorted(draw.choice(len(rows), 2, replace=False).tolist())) for _ in range(60)]
    wrong = [(i, j) for i, j in other if rows[i]["phone"] != rows[j]["phone"] and rows[i]["phone"] and rows[j]["phone"]]
    labels = pa.table(
        {
            "left_id": [rows[i]["id"] for i, _ in pairs + wrong],
            "right_id": [rows[j]["id"] for _, j in pairs + wrong],
            "label": [1] * len(pairs) + [0] * len(wrong),
        }
    )
    taught = kinfolk.dedupe(table, id="id", ignore=["register"], labels=labels)
    together, before = ([c.labels[i] == c.labels[j] for i, j in pairs] for c in (taught, found))
    assert np.mean(together) > 0.9 > np.mean(before) + 0.1


@pytest.mark.parametrize(
    "columns",
    [
        {"name": []},
        {"name": ["only"]},
        {"name": ["same"] * 5},
        {"name": [None, None, "a"]},
        {"name": ["a", "b", "c"], "year": ["1", None, "x"]},
    ],
    ids=["no record", "one record", "all equal", "hardly filled", "odd numbers"],
)
def test_small_tables_end_in_groups(columns: dict[str, list[object]]) -> None:
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    found = kinfolk.dedupe(table, text=["name"])
    assert found.to_arrow().num_rows == len(table)


def test_shared_ids_do_not_merge_groups() -> None:
    table = pa.table({"id": ["x", "x", "y"], "name": ["ada lovelace", "grace hopper", "alan turing"]})
    groups = kinfolk.dedupe(table, id="id", threshold=1.0).to_arrow()
    assert groups.column("cluster_id").to_pylist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threshold": 1.5}, r"threshold must be in \[0, 1\]. Got 1.5"),
        ({"grouping": "single"}, "average or components"),
        ({"one_per": "shop"}, "one_per names 'shop', which is no column of"),
        ({"ignore": ["shop"]}, "ignore names 'shop'"),
    ],
)
def test_impossible_options_are_one_sentence(options: dict[str, object], said: str) -> None:
    with pytest.raises(kinfolk.ConfigurationError, match=said):
        kinfolk.cluster(pa.table({"name": ["a", "b"]}), **options)  # type: ignore[arg-type]


def fields_of(**columns: list[str]) -> tuple[kinfolk.Records, tuple[object, ...]]:
    records = kinfolk.read_records(pa.table(columns), text=list(columns))
    return records, prepare_fields(records, records, [FieldPair(name, name, "text") for name in columns])


def test_many_records_of_one_value_do_not_crowd_out_its_neighbors() -> None:
    texts = ["philips electronics"] * 200 + ["philips electronic", "shell oil"]
    _, fields = fields_of(name=texts)
    pairs = candidates_within(texts, fields)  # type: ignore[arg-type]
    near = {tuple(p) for p in zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)}
    assert all(any((i, j) in near or (j, i) in near for j in range(200) if j != i) for i in range(200))
    assert all((i, 200) in near for i in range(200))
    assert (pairs.left < pairs.right).all()
    assert len(pairs) < 200 * 12


def test_a_group_is_completed_to_all_its_pairs() -> None:
    none = Candidates(np.zeros(0, np.int32), np.zeros(0, np.int32))
    full = complete_groups(none, np.array([0, 1, 0, 0, 1, 5]))
    assert list(zip(full.left.tolist(), full.right.tolist(), strict=True)) == [(0, 2), (0, 3), (2, 3)]


def test_groups_are_completed_between_where_compared_pairs_speak_for_it() -> None:
    """Of four groups, the first two are joined by one pair, second and third are kept apart by the mean of two."""
    groups = np.array([0, 0, 2, 2, 4, 5])
    left, right = np.array([0, 2, 2, 3, 0], np.int32), np.array([2, 4, 5, 4, 5], np.int32)
    log_odds = np.array([1.0, 3.0, -2.0, -4.0, 0.0])
    full = complete_between(Candidates(left, right), groups, log_odds)
    between = {(0, 2), (0, 3), (1, 2), (1, 3), (0, 5), (1, 5)}
    assert set(zip(full.left.tolist(), full.right.tolist(), strict=True)) == between | {(2, 4), (2, 5), (3, 4)}


def test_chance_is_measured_between_values_and_not_between_records() -> None:
    names = ["alpha centauri", "beta pictoris", "gamma draconis", "delta cephei"]
    once, often = fields_of(name=names), fields_of(name=names * 50)
    few, many = (chance_of_levels(measures_of(records, fields)[0])[0] for records, fields in (once, often))  # type: ignore[arg-type]
    np.testing.assert_allclose(few, many, atol=0.01)
    assert few[-1] == pytest.approx(1 / 4, abs=1e-5)
    assert few.sum() == pytest.approx(1)


def test_a_missing_value_has_no_level() -> None:
    records, fields = fields_of(name=["abc def", "", "abc deg"])
    measure = measures_of(records, fields)[0]  # type: ignore[arg-type]
    levels = measure.levels(measure.similarities(np.array([0, 0]), np.array([1, 2]))[0])
    assert levels[0] == MISSING
    assert levels[1] > 3


def test_things_that_appear_many_times_are_grouped_all_the_same() -> None:
    """Six copies of each of forty persons: nobody's runner-up is anybody else."""
    made = generate_persons(40, overlap=1.0, seed=1, household=0.0)
    left = made.left.select([name for name in made.left.column_names if name != "id"])
    table = pa.concat_tables([left] * 6)
    found = kinfolk.dedupe(table)
    assert len(found) == 40
    assert "many times" in next(stage.detail for stage in found.stages if stage.name == "match")


def test_the_share_kept_is_found_again() -> None:
    faithful = np.array([0.005, 0.005, 0.01, 0.02, 0.04, 0.08, 0.10, 0.12, 0.62])
    chance = np.array([0.7, 0.2, 0.05, 0.02, 0.01, 0.01, 0.005, 0.002, 0.003])
    for share in (0.1, 0.5, 0.9):
        assert share_kept(1000 * (share * faithful + (1 - share) * chance), chance, 0.5) == pytest.approx(
            share, abs=0.01
        )


def test_the_prior_is_the_mean_probability() -> None:
    evidence = np.concatenate([np.full(40, 12.0), np.full(200, -3.0)])
    prior = prior_of(evidence, 200)
    expected = (1 / (1 + np.exp(-(prior + evidence)))).sum() / (200 * 199 / 2)
    assert 1 / (1 + np.exp(-prior)) == pytest.approx(expected, rel=1e-3)
