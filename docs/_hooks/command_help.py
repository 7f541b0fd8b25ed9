"""Puts the program's own help into the guide: ``<!-- help: link -->`` becomes what ``kinfolk link --help`` prints.

The page therefore cannot say anything that the program does not.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

MARK = re.compile(r"^<!-- help: (?P<command>[a-z -]*) -->$", re.MULTILINE)
WIDTH = "86"


def on_page_markdown(markdown: str, **_: object) -> str:
    """Replace every mark of a page by the help of the command it names."""
    return MARK.sub(lambda match: f"```text\n{help_of(match['command'].split())}\n```", markdown)


def help_of(command: list[str]) -> str:
    """What the installed program prints for ``--help``, without color, at a fixed width."""
    environment = {**os.environ, "COLUMNS": WIDTH, "TERMINAL_WIDTH": WIDTH, "NO_COLOR": "1", "TERM": "dumb"}
    program = Path(sys.executable).with_name("kinfolk")
    result = subprocess.run([program, *command, "--help"], check=True, capture_output=True, text=True, env=environment)
    return "\n".join(line.rstrip() for line in result.stdout.strip("\n").splitlines())
