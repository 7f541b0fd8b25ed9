"""Pictures on the page: side by side where they are compared, beside the records elsewhere, and never more than fit."""

from __future__ import annotations

import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kinfolk
from kinfolk.report import write_report
from kinfolk.report.gallery import Gallery

PICTURE = re.compile(r'<img class="picture" alt="([^"]*)" src="data:image/jpeg;base64,([^"]*)">')


def strip(number: int) -> Image.Image:
    """A picture of its own for each number, four times as wide as high."""
    coarse = np.random.default_rng(number).integers(0, 200, (3, 12)).astype(np.uint8)
    return Image.fromarray(coarse).resize((80, 20), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tables of thirty, twenty of which are in both; the picture of the first is broken, the last has none."""
    folder = tmp_path_factory.mktemp("shops")
    for number in range(40):
        strip(number).save(folder / f"{number}.png")
    (folder / "0.png").write_bytes(b"")
    for name, numbers in (("left", range(30)), ("right", range(10, 40))):
        rows = [f"{name[0]}{n},thing number {n * 7919},{'' if n == 29 else f'{n}.png'}" for n in numbers]
        (folder / f"{name}.csv").write_text("\n".join(["id,name,photo", *rows]))
    return folder


def test_the_report_of_a_linkage_shows_the_pictures(shops: Path) -> None:
    links = kinfolk.link(shops / "left.csv", shops / "right.csv", on_error="skip", run=shops / "run")
    page = write_report(links, shops / "report.html").read_text()
    shown = [name for name, _ in PICTURE.findall(page)]
    card = page[page.index('<article class="pair linked">') :]
    beside = [name.split(" of ")[1][1:] for name, _ in PICTURE.findall(card)[:2]]
    assert beside[0] == beside[1], "the two of a link"
    assert re.search(r'<span class="meaning">how alike the images look: similarity 1\.00</span>', card)
    alone = page[page.index('<section id="unlinked"') :]
    assert PICTURE.search(alone)
    assert "photo of l29" not in shown
    assert "0.png) is not an image" in page
    picture = Image.open(BytesIO(b64decode(PICTURE.findall(card)[0][1])))
    assert picture.width > 3 * picture.height, "without the white around it"
    again = write_report(kinfolk.load(shops / "run"), shops / "again.html").read_text()
    assert [name for name, _ in PICTURE.findall(again)] == shown


def test_the_report_of_one_table_shows_the_pictures_of_its_groups(shops: Path) -> None:
    rows = [line for name in ("left", "right") for line in (shops / f"{name}.csv").read_text().splitlines()[1:]]
    (shops / "both.csv").write_text("\n".join(["id,name,photo", *rows]))
    found = kinfolk.dedupe(shops / "both.csv", on_error="skip")
    page = write_report(found, shops / "groups.html").read_text()
    group = page[page.index('<table class="members">') :]
    group = group[: group.index("</table>")]
    members = re.findall(r'<th scope="row">(.*?)</th>', group)
    assert len(members) == 2
    assert [name for name, _ in PICTURE.findall(group)] == [f"photo of {member}" for member in members]


def test_pictures_end_where_the_page_is_full(shops: Path) -> None:
    records = kinfolk.read_records(shops / "left.csv")
    size = len(Gallery().picture(records, "photo", 1))
    assert "cannot be read" in Gallery().picture(records, "photo", 0)
    gallery = Gallery(most_bytes=size)
    assert PICTURE.fullmatch(gallery.picture(records, "photo", 1))
    assert gallery.picture(records, "photo", 1) == (
        '<span class="note">not shown: the page holds as many pictures as it may</span>'
    )
    assert gallery.pictures(records, 29) == ""
