"""Training, embedding and the list of methods through the command line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

TRAIN = (
    "--method",
    "swav",
    "--encoder-set",
    "depth=8",
    "--encoder-set",
    "width=8",
    "--size",
    "16",
    "--batch-size",
    "16",
)
PROTOTYPES = ("--set", "num_prototypes=12", "--set", "freeze_steps=2")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 pictures in folders of two colors, and a file that is none."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(1)
    for number in range(48):
        color = (220, 60, 40) if number % 2 else (40, 60, 220)
        pixels = (np.array(color) + rng.normal(0, 20, (20, 24, 3))).clip(0, 255).astype(np.uint8)
        place = folder / ("red" if number % 2 else "blue")
        place.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(place / f"{number}.png")
    (folder / "red" / "broken.png").write_bytes(b"not a picture")
    return folder


def test_from_pictures_to_vectors(run_kinfolk, pictures: Path, tmp_path: Path) -> None:
    model, vectors = tmp_path / "model", tmp_path / "vectors.parquet"
    words = ("train", pictures, "-o", model, *TRAIN, *PROTOTYPES, "--epochs", "2", "--label", "folder")
    refused = run_kinfolk(*words)
    assert refused.code == 2
    assert "broken.png" in refused.err
    done = run_kinfolk(*words, "--on-error", "skip")
    assert done.code == 0, done.err
    assert "epoch   2/2" in done.err
    assert "20-NN" in done.err
    assert "broken.png" in done.out
    assert "broken.png" in (model / "report.html").read_text("utf-8")
    assert f"Report: {model / 'report.html'}" in done.out.replace("\n", "")
    embedded = run_kinfolk("embed", pictures, "--model", model, "-o", vectors, "--on-error", "skip", "--json")
    assert json.loads(embedded.out)["vectors"] == 48
    table = pq.read_table(vectors)
    assert table.column("name")[0].as_py() == "blue/0.png"
    array = run_kinfolk("embed", pictures, "--model", model, "-o", tmp_path / "v.npy", "--on-error", "skip")
    assert array.code == 0, array.err
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), np.stack(table.column("vector").to_pylist()))


def test_no_report_is_written_where_none_is_wanted(run_kinfolk, pictures: Path, tmp_path: Path) -> None:
    words = (*TRAIN, *PROTOTYPES, "--epochs", "1", "--on-error", "skip", "--no-report")
    done = run_kinfolk("train", pictures, "-o", tmp_path / "model", *words)
    assert done.code == 0, done.err
    assert (tmp_path / "model" / "config.json").exists()
    assert not (tmp_path / "model" / "report.html").exists()
    assert "Report" not in done.out


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_weights(run_kinfolk, pictures: Path, tmp_path: Path) -> None:
    words = (*TRAIN, *PROTOTYPES, "--epochs", "6", "--on-error", "skip")
    assert run_kinfolk("train", pictures, "-o", tmp_path / "whole", *words).code == 0
    killed = tmp_path / "killed"
    arguments = [sys.executable, "-m", "kinfolk", "train", str(pictures), "-o", str(killed), *words]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    history = killed / "training" / "history.jsonl"
    deadline = time.monotonic() + 120
    while not history.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert history.exists()
    assert not (killed / "model.safetensors").exists(), "it was killed before its end"
    assert run_kinfolk("train", pictures, "-o", killed, *words).code == 0
    assert (killed / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()


@pytest.mark.slow
def test_a_training_killed_within_an_epoch_goes_on_to_the_same_weights(
    run_kinfolk, pictures: Path, tmp_path: Path
) -> None:
    """The program kills itself, kill -9, in place of batch 2 of 3 of epoch 2: no other moment is as good every time."""
    killing = (
        "import os, runpy, signal\n"
        "from kinfolk.methods.method import Method\n"
        "step = Method.training_step\n"
        "def killed(self, batch, batch_idx):\n"
        "    if (self.current_epoch, batch_idx) == (1, 1):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return step(self, batch, batch_idx)\n"
        "Method.training_step = killed\n"
        "runpy.run_module('kinfolk', run_name='__main__')\n"
    )
    words = (*TRAIN, *PROTOTYPES, "--epochs", "3", "--on-error", "skip", "--checkpoint-minutes", "0.0000001")
    assert run_kinfolk("train", pictures, "-o", tmp_path / "whole", *words).code == 0
    killed = tmp_path / "killed"
    arguments = [sys.executable, "-c", killing, "train", str(pictures), "-o", str(killed), *words]
    process = subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert run_kinfolk("train", pictures, "-o", killed, *words).code == 0
    assert (killed / "model.safetensors").read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()


def test_methods_are_listed_with_their_settings(run_kinfolk) -> None:
    listed = run_kinfolk("methods")
    assert "swav" in listed.out
    assert "arXiv 2006.09882" in listed.out
    one = json.loads(run_kinfolk("methods", "swav", "--json").out)
    assert one[0]["settings"]["num_prototypes"] == 60
    assert "num_prototypes=60" in run_kinfolk("methods", "swav").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--method", "swaf"), "no method 'swaf'"),
        (("--set", "epsilon"), "--set must be NAME=VALUE"),
        (("--set", "epsilon=warm"), "epsilon must be a number"),
        (("--set", "batch_size=many"), "batch_size must be an integer"),
        (("--devices", "3"), "batch_size must be a multiple of devices. Got 16 and 3."),
        (("--encoder", "resnot"), "resnot"),
        (("--encoder-set", "depth=deep"), "depth must be an integer"),
        (("--encoder-set", "heads=2"), "heads= is no option"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    run_kinfolk, pictures: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    result = run_kinfolk("train", pictures, "-o", tmp_path / "m", "--on-error", "skip", *TRAIN, *words)
    assert result.code == 2
    assert said in " ".join(result.err.split())
    assert "Traceback" not in result.err


def test_a_folder_that_is_no_model_is_refused(run_kinfolk, pictures: Path, tmp_path: Path) -> None:
    result = run_kinfolk("embed", pictures, "--model", tmp_path, "-o", tmp_path / "v.npy")
    assert result.code == 2
    assert "holds no model" in result.err
    result = run_kinfolk("embed", pictures, "--model", tmp_path, "-o", tmp_path / "v.txt")
    assert "must end in .parquet or .npy" in result.err
