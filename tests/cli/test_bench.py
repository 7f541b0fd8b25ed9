"""``kinfolk bench fanns``: from vectors and a table to figures, a summary and pictures, gone on with where it stopped."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

QUICK = ("--queries", "20", "--seconds", "0.001", "--engine", "kinfolk,numpy")


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    np.save(tmp_path / "vectors.npy", rng.normal(size=(320, 8)))
    rows = [f"{row},{'abcdefgh'[row % 8]},{1900 + row % 90},x;{'yz'[row % 2]}" for row in range(320)]
    (tmp_path / "table.csv").write_text("\n".join(["id,town,year,tags", *rows]), "utf-8")
    return tmp_path


def test_a_table_becomes_data_figures_and_pictures(run_kinfolk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    made = ("bench", "fanns", "--from", "vectors.npy", "table.csv", "-o", "out", "--emis", "tags", *QUICK)
    first = run_kinfolk(*made, "--json")
    assert first.code == 0, first.err
    said = json.loads(first.out)
    assert said["summary"] == "out/summary.md"
    assert set(said["fastest"]) == {"one", "batch", "shared"}
    assert set(said["fastest"]["shared"].values()) <= {"kinfolk", "numpy"}
    results = json.loads((folder / "out/results.json").read_text("utf-8"))
    assert results["about"]["rows"] == 300
    assert results["about"]["study"]["columns"] == {"em": "town", "r": "year", "emis": "tags"}
    assert results["cells"]["emis-50"]["about"] == "tags (of the table)"
    for picture in ("winners.svg", "curves.svg"):
        root = ET.parse(folder / "out" / picture).getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
        assert {"numpy", "kinfolk"} & texts
    again = run_kinfolk(*made, "--json")
    assert json.loads(again.out) == said
    assert json.loads((folder / "out/results.json").read_text("utf-8")) == results
    # what was made is a folder of the study like any other
    read = run_kinfolk("bench", "fanns", "out/data", "-o", "second", "--seconds", "0.001", "--engine", "numpy")
    assert read.code == 0, read.err
    assert "Fastest at recall 0.95" in read.out
    assert "second/summary.md" in read.out.replace("\n", "")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "needs either a folder of data, or --from VECTORS TABLE"),
        (("out", "--from", "vectors.npy", "table.csv"), "needs either a folder of data, or --from VECTORS TABLE"),
        (("out", "--rows", "9"), "--rows, --queries and --seed are of data that are made with --from"),
        (("absent",), "There is no file absent/database_vectors.fvecs"),
        (("--from", "vectors.npy", "table.csv", "--em", "twon"), "has no column 'twon'. Did you mean 'town'?"),
        (("--from", "vectors.npy", "table.csv", "--engine", "milvus"), "Got milvus."),
        (("--from", "vectors.npy", "absent.csv"), "absent.csv"),
        (("--from", "absent.npy", "table.csv"), "There is no file absent.npy"),
    ],
)
def test_what_does_not_fit_is_said(
    run_kinfolk, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], sentence: str
) -> None:
    monkeypatch.chdir(folder)
    ended = run_kinfolk("bench", "fanns", *arguments, "-o", "results")
    assert ended.code == 2
    assert sentence in ended.err.replace("\n", " ")
    assert "Traceback" not in ended.err
