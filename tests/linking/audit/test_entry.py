"""An audit of a run: the file, its faults, and the links that follow from the answers."""

from pathlib import Path

import numpy as np
import pyarrow.csv as pc
import pytest

import kinfolk
from kinfolk.data import read_table, write_table
from kinfolk.linking.audit.entry import Audit

EXAMPLES = Path(__file__).parents[3] / "examples" / "data"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    kinfolk.link(EXAMPLES / "left.csv", EXAMPLES / "right.csv", run=tmp_path / "run")
    return tmp_path / "run"


def judge(audit: Audit) -> list[str]:
    """Answers by the truth, one for each row of the sheet."""
    truth = read_table(EXAMPLES / "matches.csv")
    true = set(zip(truth["left_id"].to_pylist(), truth["right_id"].to_pylist(), strict=True))
    ids = zip(audit.sheet["left_id"].to_pylist(), audit.sheet["right_id"].to_pylist(), strict=True)
    return ["Yes" if pair in true else "0" for pair in ids]


def fill(path: Path, column: str, cells: list[str]) -> None:
    table = read_table(path)
    write_table(table.set_column(table.column_names.index(column), column, [cells]), path)


def test_the_sheet_shows_both_records_and_hides_the_probability(run: Path) -> None:
    audit = kinfolk.audit(run, 20)
    assert audit.sheet.num_rows == 20
    columns = read_table(run / "audit.csv").column_names
    assert columns[:6] == ["pair", "match", "left_id", "right_id", "left company", "right company"]
    assert "probability" not in columns
    row = audit.sheet.slice(0, 1).to_pylist()[0]
    place = audit.links.left.ids.to_pylist().index(row["left_id"])
    assert row["left company"] == audit.links.left.texts("company")[place]
    assert audit.estimate is None


def test_answers_give_an_estimate_and_survive_a_larger_sample(run: Path) -> None:
    first = kinfolk.audit(run, 30)
    fill(first.file, "match", judge(first))
    filled = kinfolk.audit(run, 30)
    assert None not in filled.answers
    assert filled.estimate is not None
    assert filled.estimate.precision.low <= 1.0 <= filled.estimate.precision.high
    table = read_table(first.file)
    write_table(table.append_column("my notes", [["seen"] * 30]), first.file)
    larger = kinfolk.audit(run, 50)
    assert larger.answers == (*filled.answers, *[None] * 20)
    assert larger.sheet["my notes"].to_pylist()[:31] == [*["seen"] * 30, None]
    assert kinfolk.audit(run, 10).answers[:30] == filled.answers  # a smaller n throws nothing away


def test_rows_in_another_order_or_deleted_ones_do_no_harm(run: Path) -> None:
    first = kinfolk.audit(run, 30)
    table = read_table(first.file).slice(5).sort_by("left_id")
    write_table(table, first.file)
    again = kinfolk.audit(run, 30)
    assert sorted(again.pairs.tolist()) == sorted(first.pairs.tolist())


def test_relinked_keeps_to_the_answers_and_its_evidence_adds_up(run: Path) -> None:
    first = kinfolk.audit(run, 60)
    answers = judge(first)
    link = first.links.scores["link"].to_numpy()
    linked_row = int(np.flatnonzero(link[first.pairs])[0])
    answers[linked_row] = "no"  # a judge who disagrees with the program
    fill(first.file, "match", answers)
    audit = kinfolk.audit(run)
    relinked = audit.relinked
    assert not relinked.scores["link"][int(audit.pairs[linked_row])].as_py()
    evidence = [relinked.scores[c].to_numpy() for c in relinked.scores.column_names if c.startswith("evidence/")]
    log_odds = relinked.prior + np.sum(evidence, axis=0)
    assert relinked.scores["probability"].to_numpy() == pytest.approx(1 / (1 + np.exp(-log_odds)), abs=1e-4)
    assert 0 <= audit.threshold <= 1
    assert len(relinked.to_arrow()) == len(relinked)


@pytest.mark.parametrize(
    ("column", "cell", "sentence"),
    [
        (
            "match",
            "maybe",
            r"row 3 below the header, column match: expected yes or no \(or 1 and 0, true and false\). Got 'maybe'",
        ),
        ("pair", "99999999", "row 3 below the header: column pair must hold the number of a pair of this run"),
        ("pair", "third", "column pair must hold the number"),
        ("left_id", "nobody", "with its left_id and right_id"),
    ],
)
def test_a_wrong_cell_is_named(run: Path, column: str, cell: str, sentence: str) -> None:
    first = kinfolk.audit(run, 12)
    cells = [value or "" for value in read_table(first.file)[column].to_pylist()]
    cells[2] = cell
    fill(first.file, column, cells)
    with pytest.raises(kinfolk.DataError, match=sentence):
        kinfolk.audit(run, 12)


def test_a_lost_column_a_double_row_and_another_draw_are_named(run: Path, tmp_path: Path) -> None:
    first = kinfolk.audit(run, 12)
    with pytest.raises(kinfolk.DataError, match="was not drawn by this audit"):
        kinfolk.audit(run, 12, seed=1)
    table = read_table(first.file)
    write_table(table.drop_columns(["match"]), first.file)
    with pytest.raises(kinfolk.DataError, match="match is missing"):
        kinfolk.audit(run, 12)
    text = tmp_path / "run" / "audit.csv"
    write_table(table, text)
    lines = text.read_text().splitlines()
    text.write_text("\n".join([*lines, lines[1]]) + "\n")
    with pytest.raises(kinfolk.DataError, match="listed a second time"):
        kinfolk.audit(run, 12)


def test_impossible_numbers_and_unfinished_runs_are_refused(run: Path) -> None:
    with pytest.raises(kinfolk.ConfigurationError, match="n must be at least 1"):
        kinfolk.audit(run, 0)
    (run / "result.json").unlink()
    with pytest.raises(kinfolk.RunError, match="no finished run"):
        kinfolk.audit(run)


def test_the_file_is_plain_csv(run: Path) -> None:
    audit = kinfolk.audit(run, 12)
    assert pc.read_csv(audit.file).num_rows == 12
