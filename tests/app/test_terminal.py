"""Judging in the terminal: answers are saved at once, can be taken back, and are there the next time."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

import kinfolk
from kinfolk.app.terminal import review
from kinfolk.data import read_table

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    kinfolk.link(EXAMPLES / "left.csv", EXAMPLES / "right.csv", run=tmp_path / "run")
    return tmp_path / "run"


def typing(keys: list[str]) -> Callable[[str], str]:
    """A judge who types these and then closes the terminal."""
    waiting = iter(keys)

    def ask(_: str) -> str:
        try:
            return next(waiting)
        except StopIteration:
            raise EOFError from None

    return ask


def quiet() -> Console:
    return Console(file=io.StringIO(), width=120)


def saved(run: Path) -> list[str]:
    return [cell or "" for cell in read_table(run / "audit.csv")["match"].to_pylist()]


def test_yes_no_skip_undo_quit(run: Path) -> None:
    audit = kinfolk.audit(run, 6)
    done = review(audit, quiet(), typing(["y", "n", "u", "YES", "s", "hm", "n", "q", "y"]))
    assert done.answers == (True, True, None, False, None, None)
    assert saved(run) == ["yes", "yes", "", "no", "", ""]


def test_every_answer_is_saved_before_the_next_question(run: Path) -> None:
    seen: list[int] = []

    def ask(_: str) -> str:
        seen.append(sum(cell != "" for cell in saved(run)))
        return "y"

    review(kinfolk.audit(run, 4), quiet(), ask)
    assert seen == [0, 1, 2, 3]


def test_the_next_time_only_open_pairs_are_asked(run: Path) -> None:
    review(kinfolk.audit(run, 5), quiet(), typing(["y", "s", "n"]))
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "n"

    done = review(kinfolk.audit(run, 5), quiet(), ask)
    assert len(asked) == 3
    assert done.answers == (True, False, False, False, False)


def test_undo_at_the_start_says_that_there_is_nothing(run: Path) -> None:
    console = quiet()
    review(kinfolk.audit(run, 3), console, typing(["u"]))
    assert isinstance(console.file, io.StringIO)
    assert "Nothing to undo" in console.file.getvalue()


def test_both_records_are_shown(run: Path) -> None:
    console = quiet()
    audit = kinfolk.audit(run, 3)
    review(audit, console, typing([]))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert audit.sheet["left_id"][0].as_py() in shown
    assert audit.sheet["right_id"][0].as_py() in shown
    assert "company" in shown
    assert "0 of 3 judged" in shown


def test_without_a_terminal_the_command_writes_the_file_and_says_what_to_do(run: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kinfolk", "audit", str(run), "-n", "12"]
    first = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert "0 of 12 pairs judged" in first.stdout
    assert "fill in its column match" in first.stdout
    output = tmp_path / "better.csv"
    extra = ["--json", "-o", str(output)]
    again = subprocess.run([*command, *extra], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    told = json.loads(again.stdout)
    assert (told["pairs"], told["judged"], told["estimate"]) == (12, 0, None)
    assert read_table(output).num_rows == told["better_links"]
    bad = subprocess.run(
        [*command[:4], str(tmp_path)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert bad.returncode == 2
    assert "no finished run" in bad.stderr


def test_a_pair_is_shown_once_however_often_it_is_asked_about(run: Path) -> None:
    console = quiet()
    review(kinfolk.audit(run, 3), console, typing(["what", "u", "y", "u"]))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    # The first pair, the second after "y", and the first again after it was taken back.
    assert [shown.count(f"{n} of 3 judged") for n in (0, 1)] == [2, 1]
    assert "Every answer is kept at once" in shown


def test_a_small_screen_shows_less_of_long_values(tmp_path: Path) -> None:
    words = " ".join(f"word{i}" for i in range(200))
    for side in ("left", "right"):
        rows = "".join(f"{i},name {i} {words}\n" for i in range(20))
        (tmp_path / f"{side}.csv").write_text("id,name\n" + rows, encoding="utf-8")
    kinfolk.link(tmp_path / "left.csv", tmp_path / "right.csv", run=tmp_path / "run")
    lines = []
    for height in (24, 12):
        console = Console(file=io.StringIO(), width=80, height=height)
        review(kinfolk.audit(tmp_path / "run", 2), console, typing([]))
        assert isinstance(console.file, io.StringIO)
        table = console.file.getvalue().split("0 of 2 judged")[1]
        assert " …" in table
        lines.append(len(table.splitlines()))
    assert lines[0] <= 24
    assert lines[1] < lines[0]
