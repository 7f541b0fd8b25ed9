"""``kinfolk dedupe`` and ``kinfolk cluster`` as a user types them."""

import json
from pathlib import Path

import pyarrow.csv as csv
import pytest
from typer.testing import CliRunner

from kinfolk.cli import app
from kinfolk.errors import ConfigurationError

ROWS = """id;name;town;source
1;Ada Lovelace;London;a
2;Ada Lovelacce;London;b
3;Grace Hopper;New York;a
4;Grace B. Hopper;New York;b
5;Alan Turing;Wilmslow;a
6;Alonzo Church;Hudson;b
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(ROWS, "utf-8")
    return tmp_path / "people.csv"


def test_groups_report_and_json(table: Path, tmp_path: Path) -> None:
    out, page = tmp_path / "groups.csv", tmp_path / "report.html"
    result = CliRunner().invoke(app, ["dedupe", str(table), "-o", str(out), "--report", str(page), "--json"])
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    written = csv.read_csv(out)
    assert written.column_names == ["id", "cluster_id"]
    assert written.num_rows == summary["records"] == 6
    assert len(set(written.column("cluster_id").to_pylist())) == summary["groups"]
    assert "behind the 6 records" in page.read_text("utf-8")


def test_sources_and_a_sentence_of_result(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "groups.csv"
    given = ["cluster", str(table), "-o", str(out), "--one-per", "source", "--grouping", "components"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    assert "groups of 6 records" in result.output


def test_the_table_is_not_overwritten(table: Path) -> None:
    result = CliRunner().invoke(app, ["dedupe", str(table), "-o", str(table)])
    assert isinstance(result.exception, ConfigurationError)
    assert table.read_text("utf-8") == ROWS
