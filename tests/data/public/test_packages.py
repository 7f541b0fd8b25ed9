"""Packages come from the registry once, whole or not at all, and an error says what to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fake_registry import FakeRegistry
from kinfolk.data.public.cache import cache_folder
from kinfolk.data.public.packages import Package, fetch
from kinfolk.errors import DataError


@pytest.fixture(params=["pypi", "npm"])
def package(request: pytest.FixtureRequest, registry: FakeRegistry) -> Package:
    if request.param == "pypi":
        return registry.serve_wheel("things", "1.2", {"things/a.csv": "a"})
    return registry.serve_tar("things", "1.2", {"a.csv": b"a"})


def kept(registry: FakeRegistry) -> list[str]:
    return sorted(path.name for path in (registry.cache / "packages").iterdir())


def test_a_package_is_downloaded_once(registry: FakeRegistry, package: Package) -> None:
    first = fetch(package, registry.cache)
    registry.cut_off()
    assert fetch(package, registry.cache) == first
    assert first.read_bytes() == (registry.folder / "served" / package.file).read_bytes()
    assert registry.calls == ["things==1.2" if package.registry == "pypi" else "things@1.2"]
    assert kept(registry) == [package.file]


def test_a_damaged_file_of_the_cache_is_downloaded_anew(registry: FakeRegistry, package: Package) -> None:
    path = fetch(package, registry.cache)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert fetch(package, registry.cache).read_bytes() == whole
    assert len(registry.calls) == 2


def test_another_file_than_the_pinned_one_is_refused_and_not_kept(registry: FakeRegistry, package: Package) -> None:
    with pytest.raises(DataError, match=f"{package.file} must have the SHA-256 {'0' * 64}. Got {package.sha256}"):
        fetch(replace(package, sha256="0" * 64), registry.cache)
    assert kept(registry) == []


def test_another_name_than_the_pinned_one_is_refused(registry: FakeRegistry, package: Package) -> None:
    with pytest.raises(DataError, match=f"the file other.whl was expected, and {package.file} came"):
        fetch(replace(package, file="other.whl"), registry.cache)
    assert kept(registry) == []


def test_no_network_says_what_the_client_said_and_the_way_by_hand(registry: FakeRegistry, package: Package) -> None:
    registry.cut_off()
    with pytest.raises(DataError, match=r"could not be downloaded \(error: the host cannot be reached\)") as raised:
        fetch(package, registry.cache)
    assert f"or put {package.file} into {registry.cache / 'packages'} by hand" in str(raised.value)
    (registry.cache / "packages" / package.file).write_bytes(
        (registry.folder / "served" / package.file).read_bytes()
    )  # the way by hand
    assert fetch(package, registry.cache).name == package.file


def test_a_missing_client_is_named(registry: FakeRegistry, package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(registry.folder / "served"))
    client = "pip" if package.registry == "pypi" else "npm"
    with pytest.raises(DataError, match=f"is downloaded with {client}, which was not found. Install it"):
        fetch(package, registry.cache)


def test_a_cache_that_cannot_be_made_is_said(registry: FakeRegistry, package: Package, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be kept .* Choose another cache folder"):
        fetch(package, tmp_path / "file" / "cache")
    assert registry.calls == []


def test_the_cache_is_what_is_given_then_the_variable_then_the_place_of_the_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KINFOLK_CACHE", str(tmp_path / "variable"))
    assert cache_folder(tmp_path / "given") == tmp_path / "given"
    assert cache_folder() == tmp_path / "variable"
    monkeypatch.delenv("KINFOLK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "system"))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder() == tmp_path / "system" / "kinfolk"
