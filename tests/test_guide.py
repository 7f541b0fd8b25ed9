"""The guide holds: its command lines use real options, its links lead somewhere, its Python runs."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from kinfolk.cli import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")])
FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HELP_MARK = re.compile(r"^<!-- help: ([a-z -]+?) -->$", re.MULTILINE)
GROUPS = {group.name for group in app.registered_groups}  # commands that have commands of their own
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")
# What "Add a method" shows registers names, and runs in a process of its own (test_added_method.py).
RUNNABLE = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8") and page.stem != "add-a-method"]


def code_of(page: Path, language: str) -> list[str]:
    """The fenced blocks of one language, in order."""
    return [
        match["code"] for match in FENCE.finditer(page.read_text(encoding="utf-8")) if match["language"] == language
    ]


def commands_of(page: Path) -> list[tuple[str, list[str]]]:
    """The kinfolk command lines of a page: the command, and the words that follow it."""
    lines = [line for block in code_of(page, "sh") for line in block.splitlines()]
    typed = [line.split("#")[0].split()[1:] for line in lines if line.startswith("kinfolk ")]
    parts = [(words, 2 if words[0] in GROUPS else 1) for words in typed]
    return [(" ".join(words[:end]), words[end:]) for words, end in parts]


@cache
def options_of(command: str) -> frozenset[str]:
    """The options that the installed program lists for a command."""
    environment = {**os.environ, "COLUMNS": "200", "TERMINAL_WIDTH": "200", "NO_COLOR": "1"}
    program = Path(sys.executable).with_name("kinfolk")
    result = subprocess.run(
        [program, *command.split(), "--help"], capture_output=True, text=True, env=environment, check=False
    )
    assert result.returncode == 0, f"there is no command 'kinfolk {command}'"
    return frozenset(OPTION.findall(result.stdout))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_a_file(page: Path) -> None:
    targets = [match["target"] for match in LINK.finditer(page.read_text(encoding="utf-8"))]
    local = [target.split("#")[0] for target in targets if "://" not in target and not target.startswith("#")]
    assert [target for target in local if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_command_lines_use_options_that_exist(page: Path) -> None:
    unknown = [
        (command, word)
        for command, words in commands_of(page)
        for word in words
        if OPTION.fullmatch(word) and word not in options_of(command)
    ]
    assert unknown == []


def test_the_command_page_shows_every_command_the_guide_uses() -> None:
    shown = set(HELP_MARK.findall((ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")))
    used = {command for page in PAGES for command, _ in commands_of(page)}
    assert used - shown == set()
    for command in shown:
        assert "--help" in options_of(command)


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.name)
def test_python_of_the_guide_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for table in (ROOT / "examples" / "data").glob("*.csv"):
        shutil.copy(table, tmp_path)
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for code in code_of(page, "python"):
        exec(compile(code, str(page), "exec"), namespace)
    brought = [getattr(value, "__module__", None) or name for name, value in namespace.items()]
    assert any(module.split(".")[0] == "kinfolk" for module in brought)
    if "report.html" in page.read_text(encoding="utf-8"):
        assert (tmp_path / "report.html").stat().st_size > 0
