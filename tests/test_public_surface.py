"""The names people import, and what importing them costs."""

import json
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import kinfolk
from kinfolk import errors

HEAVY = ("duckdb", "numba", "pandas", "polars", "pyarrow", "scipy", "sklearn", "torch", "transformers")
ROOT = Path(__file__).parents[1]


def run_python(code: str) -> str:
    """Run a line of Python in a process of its own and return what it printed."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_public_names_are_sorted_and_listed_once() -> None:
    assert kinfolk.__all__ == sorted(set(kinfolk.__all__))


def test_dir_shows_the_public_names_only() -> None:
    assert dir(kinfolk) == kinfolk.__all__


@pytest.mark.parametrize("name", kinfolk.__all__)
def test_every_public_name_can_be_had(name: str) -> None:
    value = getattr(kinfolk, name)
    if name != "__version__":
        assert value.__name__ == name
        assert value.__doc__


def test_star_import_brings_exactly_the_public_names() -> None:
    code = "namespace = {}; exec('from kinfolk import *', namespace); import json; print(json.dumps(sorted(namespace)))"
    assert json.loads(run_python(code)) == sorted([*kinfolk.__all__, "__builtins__"])


def test_a_misspelt_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'kinfolk' has no attribute 'lnik'"):
        _ = kinfolk.lnik


def test_every_error_is_public_and_a_kinfolk_error() -> None:
    defined = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert defined == {name for name in kinfolk.__all__ if name.endswith("Error")}
    assert all(issubclass(getattr(errors, name), kinfolk.KinfolkError) for name in defined)


def test_import_is_quick_and_light() -> None:
    code = (
        "import sys, time; start = time.perf_counter(); import kinfolk; seconds = time.perf_counter() - start;"
        "import json; print(json.dumps([seconds, sorted(sys.modules)]))"
    )
    runs = [json.loads(run_python(code)) for _ in range(3)]
    assert min(seconds for seconds, _ in runs) < 0.5
    assert [name for name in HEAVY if name in runs[0][1]] == []


def test_linking_modules_load_without_the_optional_parts() -> None:
    code = (
        "import sys, kinfolk;"
        "[getattr(kinfolk, name) for name, home in kinfolk._HOME.items() if not home.startswith('kinfolk.methods')];"
        "print([name for name in ('torch', 'pandas', 'polars', 'transformers') if name in sys.modules])"
    )
    assert run_python(code).strip() == "[]"


def test_version_is_the_installed_one_and_heads_the_changelog() -> None:
    assert kinfolk.__version__ == version("kinfolk")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = [line.removeprefix("## ").split(" ")[0] for line in changelog.splitlines() if line.startswith("## ")]
    assert next(heading for heading in headings if heading != "Unreleased") == kinfolk.__version__


def test_every_pinned_dependency_satisfies_the_published_range() -> None:
    pins = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [
        *project["dependencies"],
        *(spec for extra in project["optional-dependencies"].values() for spec in extra),
    ]
    requirements = [Requirement(spec) for spec in listed if not spec.startswith("kinfolk[")]
    assert [r.name for r in requirements if r.name not in pins or not r.specifier.contains(pins[r.name])] == []
