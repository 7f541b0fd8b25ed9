"""The program, run in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from kinfolk.cli import main


class Outcome(NamedTuple):
    """What a command left: its exit code and what it wrote to both streams."""

    code: int
    out: str
    err: str


@pytest.fixture
def run_kinfolk(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Call with the words of a command line."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["kinfolk", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        return Outcome(code, *capsys.readouterr())

    return run
