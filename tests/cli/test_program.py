"""The program as a whole: how quickly it answers, and that every command explains itself."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

import kinfolk
from kinfolk.cli import app
from kinfolk.data import atomic, write_table
from repeated_persons import repeated_persons

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"

HEAVY = ("duckdb", "numba", "numpy", "pyarrow", "scipy", "sklearn", "torch")


def test_help_loads_nothing_heavy() -> None:
    code = f"import sys, kinfolk.cli; print([name for name in {HEAVY} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_linking_and_its_report_load_nothing_of_the_extras() -> None:
    extras = ("torch", "lightning", "kornia", "PIL", "tokenizers", "transformers", "sentence_transformers", "pandas")
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({extras}))\n"
        "import kinfolk.report, kinfolk.evaluation, kinfolk.linking.audit.entry\n"
        "from kinfolk import audit, cluster, dedupe, evaluate, link, load, read_records"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("command", app.registered_commands, ids=lambda command: command.callback.__name__)
def test_every_command_says_what_it_does_in_one_sentence(command) -> None:
    text = command.callback.__doc__
    assert text
    assert text.strip().endswith(".")
    assert "\n" not in text.strip()


def test_ctrl_c_ends_in_a_sentence_and_130(run_kinfolk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(kinfolk, "link", interrupted)
    result = run_kinfolk("link", EXAMPLES / "left.csv", EXAMPLES / "right.csv", "-o", tmp_path / "links.csv")
    assert result.code == 130
    assert "goes on where it stopped" in result.err
    assert "Traceback" not in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["links.csv", "run"])
def test_a_full_disk_ends_in_a_sentence_and_2(
    run_kinfolk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "Error writing bytes to file. Detail: no space left")

    if where == "run":
        monkeypatch.setattr(pyarrow.parquet, "write_table", full)
    else:
        monkeypatch.setattr(atomic, "_write_delimited", full)
    given = ["--run", tmp_path / "run"] if where == "run" else []
    result = run_kinfolk("link", EXAMPLES / "left.csv", EXAMPLES / "right.csv", "-o", tmp_path / "links.csv", *given)
    assert result.code == 2
    assert f"Cannot write {tmp_path / where}" in result.err
    assert "No space left on device. Choose another place or free some space." in result.err
    assert not [path for path in tmp_path.rglob("*") if ".part" in path.name or path.name == "links.csv"]


def test_a_run_folder_that_cannot_be_made_is_said(run_kinfolk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    place = tmp_path / "file" / "run"
    words = ("link", EXAMPLES / "left.csv", EXAMPLES / "right.csv", "-o", tmp_path / "links.csv", "--run", place)
    result = run_kinfolk(*words)
    assert result.code == 2
    assert f"The run folder {place} cannot be made" in result.err


def test_json_says_which_column_was_taken_for_what(run_kinfolk, tmp_path: Path) -> None:
    words = ("link", EXAMPLES / "left.csv", EXAMPLES / "right.csv", "-o", tmp_path / "links.csv", "--json")
    roles = json.loads(run_kinfolk(*words).out)["roles"]
    assert set(roles) == {"left", "right"}
    assert "id" in roles["left"].values()
    words = ("dedupe", EXAMPLES / "left.csv", "-o", tmp_path / "groups.csv", "--json")
    assert json.loads(run_kinfolk(*words).out)["roles"] == {"table": roles["left"]}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_the_shell(shell: str) -> None:
    result = CliRunner().invoke(app, [], prog_name="kinfolk", env={"_KINFOLK_COMPLETE": f"source_{shell}"})
    assert result.exit_code == 0
    assert "_KINFOLK_COMPLETE" in result.output


def test_the_summary_tells_how_many_matches_are_candidates_or_that_it_cannot(run_kinfolk, tmp_path: Path) -> None:
    words = ("-o", tmp_path / "links.csv")
    told = run_kinfolk("link", EXAMPLES / "left.csv", EXAMPLES / "right.csv", *words)
    kept = json.loads(run_kinfolk("link", EXAMPLES / "left.csv", EXAMPLES / "right.csv", *words, "--json").out)[
        "estimate"
    ]
    share = kept["candidate_recall"]
    assert 0 < share["low"] <= share["value"] <= share["high"] <= 1
    text = " ".join(told.out.split())
    assert f"Of all matches, {share['value']:.3f} ({share['low']:.3f}–{share['high']:.3f}) are candidates" in text
    assert "records which agree are different things" in text

    for side in ("left", "right"):
        names = pyarrow.csv.read_csv(EXAMPLES / f"{side}.csv").select([0, 1])
        pyarrow.csv.write_csv(names, tmp_path / f"{side}.csv")
    told = run_kinfolk("link", tmp_path / "left.csv", tmp_path / "right.csv", *words)
    text = " ".join(told.out.split())
    assert "of the matches among the candidates" in text
    assert "How many matches are no candidates cannot be estimated." in text


def test_the_report_and_json_name_the_chosen_relation(run_kinfolk, tmp_path: Path) -> None:
    persons = repeated_persons(60, left=(3, 4), right=(1, 1), seed=4)
    for name in ("left", "right"):
        write_table(getattr(persons, name), tmp_path / f"{name}.csv")
    words = ("link", tmp_path / "left.csv", tmp_path / "right.csv", "-o", tmp_path / "links.csv", "--json")
    summary = json.loads(run_kinfolk(*words, "--report", tmp_path / "report.html").out)
    assert summary["relation"] == "many-to-one"
    assert "The relation is many-to-one" in summary["notes"][-1]
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "is many-to-one: a record of the left table has one partner at most" in page
