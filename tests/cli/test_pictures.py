"""Images of records through the real command: linked, or one sentence and exit code 2."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def png(number: int) -> bytes:
    buffer = BytesIO()
    coarse = np.random.default_rng(number).integers(0, 256, (5, 5)).astype(np.uint8)
    Image.fromarray(coarse).resize((20, 20), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Two tables of the same twelve things, whose columns have other names."""
    for number in range(12):
        (tmp_path / f"{number}.png").write_bytes(png(number))
    names = [
        "lamp",
        "chair",
        "desk",
        "shelf",
        "stool",
        "bench",
        "mirror",
        "carpet",
        "clock",
        "vase",
        "basket",
        "pillow",
    ]
    for table, column in (("left", "photo"), ("right", "scan")):
        rows = [f"{n},{name},{n}.png" for n, name in enumerate(names)]
        (tmp_path / f"{table}.csv").write_text("\n".join([f"id,name,{column}", *rows]))
    return tmp_path


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("absent.png", "row 13, column 'photo' (absent.png) cannot be read (No such file or directory)."),
        (".", "row 13, column 'photo' (.) cannot be read (it is no file)."),
        ("/dev/zero", "row 13, column 'photo' (/dev/zero) cannot be read (it is no file)."),
        ("left.csv", "row 13, column 'photo' (left.csv) is not an image that can be read (unknown format)."),
        ("https://example.org/a.png", "(https://example.org/a.png) is an address, and nothing is fetched"),
    ],
)
def test_an_image_that_cannot_be_read_is_named_or_left_out(run_kinfolk, tables: Path, cell: str, said: str) -> None:
    (tables / "left.csv").write_text((tables / "left.csv").read_text() + f"\n12,sofa,{cell}")
    links = tables / "links.csv"
    words = ("link", tables / "left.csv", tables / "right.csv", "-o", links, "--image", "photo=scan")
    refused = run_kinfolk(*words, "--quiet")
    assert refused.code == 2
    assert refused.out == ""
    assert said in " ".join(refused.err.split())
    assert "--on-error skip" in " ".join(refused.err.split())
    assert not links.exists()
    done = run_kinfolk(*words, "--on-error", "skip", "--json")
    assert done.code == 0, done.err
    assert any(said in note for note in json.loads(done.out)["notes"])
    grouped = ("dedupe", tables / "left.csv", "-o", tables / "groups.csv", "--image", "photo")
    assert run_kinfolk(*grouped, "--quiet").code == 2
    assert run_kinfolk(*grouped, "--on-error", "skip", "--quiet").code == 0


def test_a_column_that_is_not_there_is_named(run_kinfolk, tables: Path) -> None:
    refused = run_kinfolk("link", tables / "left.csv", tables / "right.csv", "-o", tables / "x.csv", "--image", "photo")
    assert refused.code == 2
    assert "right.csv" in refused.err
    assert "'photo'" in refused.err
