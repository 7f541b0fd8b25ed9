"""What every test may ask for: random numbers that are the same each time, and the development data sets."""

import os
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from fake_registry import FakeRegistry
from hashing_model import HashingModel

DATA_FOLDER = Path(os.environ.get("KINFOLK_DATA") or Path(__file__).parents[1] / ".." / "shared" / "data").resolve()
REGISTRIES = "KINFOLK_REGISTRIES"
WHY_SKIPPED = f"needs the development data sets; there is no folder {DATA_FOLDER} (set KINFOLK_DATA)"


# How long an example takes says more of the machine than of the code.
settings.register_profile("kinfolk", deadline=None)
settings.load_profile("kinfolk")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", help="folder of golden vectors to run instead of those in tests/golden/vectors")
    parser.addoption("--also", help="a Python file whose objectives and methods the generic tests run on, too")


def pytest_configure(config: pytest.Config) -> None:
    """Run the file named by ``--also``, so that what it registers is there before tests are collected."""
    also = config.getoption("--also")
    if also is not None:
        spec = spec_from_file_location("also", also)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules["also"] = module_from_spec(spec)
        spec.loader.exec_module(module)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks for the data sets, and skip it where they are absent; what takes long begins first.

    A file stays in one process (Makefile): the last file that is begun should not be one that takes long.
    """
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    for item in items:
        if "data_folder" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.data)
        if item.get_closest_marker("data") and not DATA_FOLDER.is_dir():
            item.add_marker(pytest.mark.skip(reason=WHY_SKIPPED))
        if item.get_closest_marker("registries") and not os.environ.get(REGISTRIES):
            item.add_marker(pytest.mark.skip(reason=f"downloads from PyPI and npm; set {REGISTRIES}=1 to run it"))


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of the development data sets; asking for it marks a test with ``data``."""
    return DATA_FOLDER


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    """A package registry without network, an empty cache, and clients that serve from it."""
    folder = tmp_path / "registry"
    folder.mkdir()
    return FakeRegistry(folder, monkeypatch)


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run and in every test."""
    return np.random.default_rng(20230407)


@pytest.fixture
def new_model() -> Callable[..., HashingModel]:
    """Makes models, for tests that need several or one with a width of its own."""
    return HashingModel


@pytest.fixture
def model() -> HashingModel:
    return HashingModel()
