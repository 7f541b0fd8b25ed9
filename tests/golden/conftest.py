"""The folder of golden vectors, and one test for each file whose family has an adapter."""

from pathlib import Path

import pytest

from adapters import ADAPTERS
from golden_case import Case

VECTORS = Path(__file__).parent / "vectors"


def _folder(config: pytest.Config) -> Path:
    given = config.getoption("--golden")
    return VECTORS if given is None else Path(given)


def _cases(config: pytest.Config) -> list[Case]:
    folder = _folder(config)
    paths = sorted(path for path in folder.glob("*__*.npz") if path.stem.split("__")[0] in ADAPTERS)
    assert paths, f"--golden {folder} holds no vector of a known family"
    return [Case(path) for path in paths]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        found = _cases(metafunc.config)
        metafunc.parametrize("case", found, ids=[case.name for case in found])


@pytest.fixture(scope="session")
def cases(request: pytest.FixtureRequest) -> list[Case]:
    return _cases(request.config)


@pytest.fixture
def golden_folder_is_the_default(request: pytest.FixtureRequest) -> bool:
    return _folder(request.config) == VECTORS
