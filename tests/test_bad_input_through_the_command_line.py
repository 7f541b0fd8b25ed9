"""Every bad table through the real command, on either side: a result, or one clear sentence and exit code 2."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import corrupted
from kinfolk.cli import main
from kinfolk.data import read_table

CASES = corrupted.corrupted_inputs()


def run(*arguments: str | Path) -> int:
    """Exit code of the command."""
    before = sys.argv
    sys.argv = ["kinfolk", *map(str, arguments)]
    try:
        main()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    finally:
        sys.argv = before
    return 0


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("good") / "good.csv"
    path.write_text(corrupted.csv_text(corrupted.people()), encoding="utf-8")
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_links_or_one_sentence(case, good, tmp_path, capsys):
    output = tmp_path / "links.parquet"
    code = run("link", case.write(tmp_path), good, "-o", output, "--quiet", "--report", tmp_path / "report.html")
    check(code, output, ["left_id", "right_id", "probability"], capsys)


@pytest.mark.parametrize("case", CASES[::8], ids=lambda case: case.name)
def test_links_or_one_sentence_on_the_right(case, good, tmp_path, capsys):
    """Every eighth is enough: both sides are read by the same code and linked by symmetric code."""
    output = tmp_path / "links.parquet"
    code = run("link", good, case.write(tmp_path), "-o", output, "--quiet")
    check(code, output, ["left_id", "right_id", "probability"], capsys)


@pytest.mark.parametrize("case", CASES[::2], ids=lambda case: case.name)
def test_groups_or_one_sentence(case, tmp_path, capsys):
    """Every second is enough: what is read is the same as for links."""
    output = tmp_path / "groups.parquet"
    code = run("dedupe", case.write(tmp_path), "-o", output, "--quiet", "--report", tmp_path / "report.html")
    check(code, output, ["id", "cluster_id"], capsys)


def check(code, output, columns, capsys):
    """A result with its columns and silence, or no result and one sentence."""
    said = capsys.readouterr()
    assert said.out == ""
    if code == 0:
        assert said.err == ""
        assert read_table(output).column_names == columns
        return
    assert code == 2
    assert not output.exists()
    assert said.err.startswith("kinfolk: ")
    assert said.err.rstrip().endswith((".", "?"))
    assert len(said.err) < 500
    assert not any(word in said.err for word in ("Traceback", "<class", "object at 0x", "Errno"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("-o", "links.xyz"), "must end in .parquet"),
        (("-o", "left.csv"), "is an input and would be overwritten"),
        (("-o", "folder.csv"), "it is a folder"),
        (("-o", "left.csv/links.csv"), "the folder cannot be made"),
        (("-o", "links.csv", "--report", "links.csv"), "both name links.csv"),
        (("-o", "links.csv", "--report", "folder.csv"), "it is a folder"),
        (("-o", "links.csv", "--threshold", "high"), "--threshold must be 'auto' or a number"),
        (("-o", "links.csv", "--labels", "absent.csv"), "absent.csv"),
        (("-o", "links.csv", "--ignore", "colour"), "ignore names 'colour'"),
        (("-o", "links.csv", "--text", "name="), None),
    ],
)
def test_a_wrong_option_is_said_before_any_work(options, expected, good, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("folder.csv").mkdir()
    Path("left.csv").write_bytes(good.read_bytes())
    code = run("link", "left.csv", good, *options)
    if expected is None:  # "name=" means the same column on both sides
        assert code == 0
        return
    assert code == 2
    assert expected in " ".join(capsys.readouterr().err.split())
    assert Path("left.csv").read_bytes() == good.read_bytes()
    assert sorted(path.name for path in Path().iterdir()) == ["folder.csv", "left.csv"]
