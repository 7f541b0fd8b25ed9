"""The program as a whole: how quickly it answers, and that every command explains itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kinfolk.cli import app

HEAVY = ("duckdb", "numba", "numpy", "pyarrow", "scipy", "sklearn", "torch")


def test_help_loads_nothing_heavy() -> None:
    code = f"import sys, kinfolk.cli; print([name for name in {HEAVY} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("command", app.registered_commands, ids=lambda command: command.callback.__name__)
def test_every_command_says_what_it_does_in_one_sentence(command) -> None:
    text = command.callback.__doc__
    assert text
    assert text.strip().endswith(".")
    assert "\n" not in text.strip()
