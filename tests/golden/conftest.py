"""One test for each file of golden vectors whose family has an adapter, and a line that says which files have none."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from adapters import ADAPTERS
from golden_case import VECTORS, Case


def _paths(folder: Path) -> list[Path]:
    files = [*folder.glob("*__*.npz"), *folder.glob("*__*.json")]
    named = {path.stem: path for path in sorted(files)}  # an .npz file comes last, and takes the JSON beside it along
    paths = sorted(path for path in named.values() if path.stem.split("__")[0] in ADAPTERS)
    assert paths, f"{folder} holds no golden vector of a known family"
    return paths


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    given = metafunc.config.getoption("--golden")
    offered = {
        "case": (VECTORS if given is None else Path(given), torch.float64),
        "committed": (VECTORS, torch.float64),
        "committed_in_float32": (VECTORS, torch.float32),
    }
    for name, (folder, precision) in offered.items():
        if name in metafunc.fixturenames:
            paths = _paths(folder)
            cases = [Case(path, precision) for path in paths]
            metafunc.parametrize(name, cases, ids=[path.stem for path in paths])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which files of the folder given with ``--golden`` were not run: no adapter, or no arrays."""
    given = config.getoption("--golden")
    if given is None:
        return
    named = {path.stem for path in Path(given).glob("*__*") if path.suffix in (".npz", ".json")}
    left_out = Counter(name.split("__")[0] for name in named - {path.stem for path in _paths(Path(given))})
    families = ", ".join(f"{family} ({count})" for family, count in sorted(left_out.items()))
    terminalreporter.write_line(
        f"{left_out.total()} of {len(named)} golden vectors were left out, which no adapter reads: {families or 'none'}"
    )
