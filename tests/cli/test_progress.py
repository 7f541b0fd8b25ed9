"""What is shown while a run lasts: a line a stage, and time left from the share that is done."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from kinfolk.cli.progress import StageProgress, duration
from kinfolk.linking.links import Stage

EXAMPLES = Path(__file__).parents[2] / "examples" / "data"


def test_durations_are_said_as_people_say_them() -> None:
    assert [duration(s) for s in (-1, 0.4, 8, 59.6, 125, 4200)] == [
        "0 s", "0 s", "8 s", "1 min 00 s", "2 min 05 s", "1 h 10 min",
    ]  # fmt: skip


def test_time_left_follows_from_the_share_done() -> None:
    now = [100.0]
    out = io.StringIO()
    progress = StageProgress(Console(file=out, force_terminal=True, width=100), now=lambda: now[0])
    progress.begin("compare")
    now[0] += 1
    progress.advance(0.05)
    assert "left" not in _text(progress)  # too soon for a bar
    now[0] += 9
    progress.advance(0.25)
    assert "10 s, about 30 s left" in _text(progress)
    now[0] += 12  # no news: the clock goes on
    assert "22 s, about 18 s left" in _text(progress)
    progress.end(Stage("compare", 40.0, "7 comparisons [a] pair"))
    progress.begin("match")
    now[0] += 5
    text = _text(progress)
    assert "match" in text
    assert "5 s" in text
    assert "left" not in text  # nothing is known of this stage yet
    assert "compare       40.0 s  7 comparisons [a] pair" in out.getvalue()


def test_in_a_terminal_long_details_wrap_between_words_below_each_other() -> None:
    out = io.StringIO()
    progress = StageProgress(Console(file=out, force_terminal=True, width=60, color_system=None))
    progress.end(Stage("read", 4.5, "60,000 records; given_name (text), surname (text), street_number (text)"))
    assert out.getvalue().splitlines() == [
        "  read           4.5 s  60,000 records; given_name (text),",
        "                        surname (text), street_number (text)",
    ]


def test_a_log_gets_a_line_for_each_stage_and_no_bar(run_kinfolk, tmp_path: Path) -> None:
    result = run_kinfolk("link", EXAMPLES / "left.csv", EXAMPLES / "right.csv", "-o", tmp_path / "links.csv")
    names = [line.split()[0] for line in result.err.splitlines()]
    assert names == ["read", "represent", "candidates", "compare", "match", "decide", "write"]
    assert "\x1b" not in result.err
    assert "compare" not in result.out


@pytest.mark.parametrize("option", ["--quiet", "--json"])
def test_programs_are_not_told(run_kinfolk, tmp_path: Path, option: str) -> None:
    result = run_kinfolk("link", EXAMPLES / "left.csv", EXAMPLES / "right.csv", "-o", tmp_path / "links.csv", option)
    assert (result.code, result.err) == (0, "")
    assert result.out == "" if option == "--quiet" else json.loads(result.out)["links"] > 0


def _text(progress: StageProgress) -> str:
    console = Console(width=100, file=io.StringIO())
    console.print(progress.bar.get_renderable())
    return console.file.getvalue()  # type: ignore[attr-defined]
