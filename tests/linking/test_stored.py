"""A finished run can be read back, and an unfinished one says so."""

from pathlib import Path

import pyarrow as pa
import pytest

import kinfolk

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
