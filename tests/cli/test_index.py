"""``kinfolk index``: from a file of vectors and the table behind it to rows under a filter."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("lancedb", reason="needs kinfolk[search]: lancedb is not installed")


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Vectors of all rows but the third, the table, and queries that are the first two vectors."""
    vectors = rng.normal(size=(6, 4)).astype(np.float32)
    named = {
        "name": ["1", "2", "4", "5", "6", "7"],
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), 4),
    }
    pq.write_table(pa.table(named), tmp_path / "vectors.parquet")
    np.save(tmp_path / "queries.npy", vectors[:2])
    rows = [f"k{row},{1900 + row},{'AB'[row % 2]},{row}/2/1950,{row}000000000000000000000" for row in range(7)]
    (tmp_path / "table.csv").write_text("\n".join(["key,year,town,day,atoms", *rows]), "utf-8")
    return tmp_path


def test_from_a_file_of_vectors_to_rows_under_a_filter(
    run_kinfolk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    built = run_kinfolk(
        "index", "build", "vectors.parquet", "--attributes", "table.csv", "--id", "key", "-o", "index", "--json"
    )
    assert built.code == 0, built.err
    said = json.loads(built.out)
    assert said["num"] == 6
    assert {said["columns"][name] for name in ("year", "town")} == {"int64", "string"}
    where = "year >= 1901 AND town = 'B'"
    found = run_kinfolk("index", "search", "index", "queries.npy", "-k", "2", "--where", where, "--json")
    hits = json.loads(found.out)["hits"]
    assert {hit["id"] for hit in hits} <= {"k1", "k3", "k5"}
    assert next((hit["query"], hit["rank"], hit["id"]) for hit in hits if hit["query"] == 1) == (1, 1, "k1")
    shown = run_kinfolk("index", "search", "index", "queries.npy", "--where", "year = 1800", "--explain")
    assert "No row passes col('year') == 1800. Its values are from 1900 to 1906." in shown.out.replace("\n", " ")
    written = run_kinfolk("index", "search", "index", "queries.npy", "-k", "1", "-o", "hits.csv")
    assert written.code == 0, written.err
    assert [line.split(",")[:3] for line in (folder / "hits.csv").read_text("utf-8").splitlines()] == [
        ["query", "rank", "id"], ["0", "1", "k0"], ["1", "1", "k1"],
    ]  # fmt: skip
    assert "6 vectors" in run_kinfolk("index", "info", "index").out


def test_vectors_alone_are_an_index_too(run_kinfolk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    built = run_kinfolk("index", "build", "queries.npy", "-o", "index", "--json")
    assert built.code == 0, built.err
    found = json.loads(run_kinfolk("index", "search", "index", "queries.npy", "-k", "1", "--json").out)
    assert [hit["id"] for hit in found["hits"]] == [1, 2]
    asked = run_kinfolk("index", "search", "index", "queries.npy", "-k", "99999999999", "--json", "--explain")
    assert len(json.loads(asked.out)["hits"]) == 4
    assert "2 of 2 rows pass" in json.loads(asked.out)["explanation"]


def test_what_does_not_fit_is_said(run_kinfolk, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    short = folder / "short.csv"
    short.write_text("key\na\nb\n", "utf-8")
    refused = run_kinfolk("index", "build", "vectors.parquet", "--attributes", "short.csv", "-o", "index")
    assert refused.code == 2
    assert "has 2 rows, and a vector is of row 7" in " ".join(refused.err.split())
    refused = run_kinfolk("index", "build", "table.csv", "-o", "index")
    assert "must end in .parquet or .npy" in refused.err
    assert run_kinfolk("index", "info", "nowhere").code == 2
