"""A finished run can be read back, and an unfinished one says so."""

from pathlib import Path

import pyarrow as pa
import pytest

import kinfolk
from kinfolk.data.persons import generate_persons

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    kinfolk.link(EXAMPLES / "left.csv", EXAMPLES / "right.csv", run=tmp_path / "run")
    return tmp_path / "run"


def test_a_run_read_back_is_what_link_returned(run: Path) -> None:
    links, again = kinfolk.link(EXAMPLES / "left.csv", EXAMPLES / "right.csv", run=run), kinfolk.load(run)
    assert again.to_arrow().equals(links.to_arrow())
    assert again.scores.equals(links.scores)
    assert again.unlinked.equals(links.unlinked)
    assert again.left.fingerprint() == links.left.fingerprint()
    assert again.right.notes == links.right.notes
    assert (again.threshold, again.prior, again.relation, again.estimate, again.notes) == (
        (links.threshold, links.prior, links.relation, links.estimate, links.notes)
    )
    assert [stage.name for stage in again.stages] == [stage.name for stage in links.stages]
    assert again.explain("D001", "1182") == links.explain("D001", "1182")


def test_a_given_cut_and_tables_without_ids_survive(tmp_path: Path) -> None:
    table = pa.table({"name": ["Ada Lovelace", "Alan Turing", "Grace Hopper"], "born": [1815, 1912, 1906]})
    right = kinfolk.read_records(table).take([2, 0, 1])  # keeps the row numbers 3, 1, 2 as ids
    links = kinfolk.link(table, right, threshold=0.0, run=tmp_path)
    again = kinfolk.load(tmp_path)
    assert again.threshold == 0.0
    assert again.right.ids.to_pylist() == [3, 1, 2]
    assert again.to_arrow().equals(links.to_arrow())
    assert again.right.numbers("born").tolist() == [1906, 1815, 1912]


def test_unfinished_or_absent_runs_are_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(kinfolk.RunError, match="There is no run folder"):
        kinfolk.load(tmp_path / "nowhere")
    (run / "result.json").write_text('{"threshold": "high"}')
    with pytest.raises(kinfolk.RunError, match=r"result\.json cannot be read"):
        kinfolk.load(run)
    (run / "result.json").unlink()
    with pytest.raises(kinfolk.RunError, match=r"no finished run of link: result\.json is missing"):
        kinfolk.load(run)
    kinfolk.link(EXAMPLES / "left.csv", EXAMPLES / "right.csv", run=run)
    assert len(kinfolk.load(run)) > 0


@pytest.fixture(scope="module")
def people() -> pa.Table:
    made = generate_persons(60, seed=5)
    registers = [made.left, made.right]
    table = pa.concat_tables(registers)
    return table.append_column(
        "register", pa.array([name for name, t in zip("AB", registers, strict=True) for _ in t["id"]])
    )


def judged(people: pa.Table) -> pa.Table:
    """A few judged pairs, one of them judged both 1 and 0, of which a note tells."""
    ids = people["id"].to_pylist()
    return pa.table({"left_id": [ids[0]] * 3, "right_id": [ids[1], ids[1], ids[2]], "label": [1, 0, 0]})


@pytest.mark.parametrize(
    "options",
    [{}, {"one_per": "register", "threshold": 0.01}, {"grouping": "components", "threshold": 0.2}],
    ids=["default", "one per source", "components"],
)
def test_clusters_read_back_are_what_cluster_returned(
    people: pa.Table, tmp_path: Path, options: dict[str, object]
) -> None:
    found = kinfolk.cluster(people, id="id", labels=judged(people), run=tmp_path, **options)  # type: ignore[arg-type]
    again = kinfolk.load(tmp_path)
    assert isinstance(again, kinfolk.Clusters)
    assert again.labels.tolist() == found.labels.tolist()
    assert again.to_arrow().equals(found.to_arrow())
    assert again.scores.equals(found.scores)
    assert again.records.fingerprint() == found.records.fingerprint()
    assert (again.threshold, again.estimate, again.grouping, again.one_per, again.stages, again.notes) == (
        (found.threshold, found.estimate, found.grouping, found.one_per, found.stages, found.notes)
    )
    assert found.notes
    assert len(found) < len(people)
    row = found.scores.slice(0, 1).to_pylist()[0]
    ids = [found.records.ids[row[side]].as_py() for side in ("left", "right")]
    assert again.explain(*ids) == found.explain(*ids)


def test_unfinished_runs_of_dedupe_are_refused(people: pa.Table, tmp_path: Path) -> None:
    kinfolk.dedupe(people, id="id", run=tmp_path)
    (tmp_path / "result.json").write_text('{"threshold": 0.5, "grouping": "by eye", "one_per": null}')
    with pytest.raises(kinfolk.RunError, match=r"result\.json cannot be read .*average or components.* dedupe command"):
        kinfolk.load(tmp_path)
    (tmp_path / "result.json").unlink()
    with pytest.raises(kinfolk.RunError, match=r"no finished run of dedupe: result\.json is missing"):
        kinfolk.load(tmp_path)


@pytest.mark.parametrize("wanted", ["nobody", 99, None, (1, 2)])
def test_an_id_of_any_kind_that_no_record_has_is_named(wanted: object) -> None:
    links = kinfolk.link(EXAMPLES / "left.csv", EXAMPLES / "right.csv")
    with pytest.raises(kinfolk.ConfigurationError, match=r"left.csv has no record with id"):
        links.explain(wanted, "1182")
