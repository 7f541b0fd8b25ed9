"""Evaluating an encoder through the command line."""

import json
from pathlib import Path

import pytest

import kinfolk

pytest.importorskip("torch", reason="needs kinfolk[train]: torch is not installed")
pytest.importorskip("lightning", reason="needs kinfolk[train]: lightning is not installed")

PAIRS = "split,score,sentence1,sentence2\ntest,5,ab,ab\ntest,3,ab,ba\ntest,0,ab,xyz\ndev,1,ab,<b>\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tower over characters with the weights it began with, in a folder."""
    from kinfolk.encoders.characters import CharacterTransformer
    from kinfolk.methods.texts.model import TextModel

    settings = {"width": 16, "depth": 1, "heads": 2, "max_characters": 16, "buckets": 64}
    about = {"encoder": "characters", "encoder_settings": settings}
    return TextModel(CharacterTransformer(**settings).eval(), about).save(tmp_path_factory.mktemp("model"))


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.csv"
    path.write_text(PAIRS, "utf-8")
    return path


def test_json_is_what_python_gives(run_kinfolk, model, pairs) -> None:
    done = run_kinfolk("evaluate-encoder", model, "--task", "sts", "--data", pairs, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told == kinfolk.evaluate_encoder(model, task="sts", data=pairs).to_dict()
    assert told["tables"]["similarity"][0]["pairs"] == 3


def test_tables_and_report_show_the_same_figures(run_kinfolk, model, pairs, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    report = tmp_path / "report.html"
    options = ("--split", "all", "--column", "sentence1,sentence2", "--report", report)
    done = run_kinfolk("evaluate-encoder", model, "--task", "sts", "--data", pairs, *options)
    assert done.code == 0, done.err
    row = kinfolk.evaluate_encoder(model, task="sts", data=pairs, split="all").tables["similarity"][0]
    page = report.read_text("utf-8")
    for text in (f"{row.spearman:.4f}", f"{row.uniformity:.4f}", "length bias"):
        assert text in done.out
        assert text in page
    assert f"Report: {report}" in done.out
    assert run_kinfolk("evaluate-encoder", model, "--task", "sts", "--data", pairs, "--quiet").out == ""


def test_errors_are_one_sentence_before_the_work(run_kinfolk, model, pairs) -> None:
    for arguments, says in (
        ((model, "--task", "search", "--data", pairs), "task must be one of sts"),
        ((model, "--task", "pairs", "--data", pairs), "has no column 'label'"),
        ((pairs, "--task", "sts", "--data", pairs), "which is a file"),
        ((model, "--task", "sts", "--data", pairs, "--report", pairs), "pairs.csv"),
    ):
        done = run_kinfolk("evaluate-encoder", *arguments)
        assert done.code == 2
        assert says in " ".join(done.err.split())
