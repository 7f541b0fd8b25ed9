"""Linking and grouping by images: what they add, what they need, and what happens where they cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from PIL import Image

import kinfolk
from kinfolk.linking import near_vectors
from kinfolk.linking.alignment import FieldPair, align_images
from kinfolk.linking.candidates import Candidates
from kinfolk.linking.compare import Comparisons
from kinfolk.linking.comparisons.pair_features import PairFeatures
from kinfolk.linking.links import Stage
from kinfolk.linking.pictures import Seen, see_pictures, see_pixels

NUM, FIRST = 120, 40
WORDS = ("lamp", "chair", "table", "shelf", "stool", "bench")


def picture(number: int) -> Image.Image:
    """A picture of its own for each number: gray clouds."""
    coarse = np.random.default_rng(number).integers(0, 256, (6, 6)).astype(np.uint8)
    return Image.fromarray(coarse).resize((48, 48), Image.Resampling.BICUBIC)


def photo(number: int) -> bytes:
    """The same picture as another shop shows it: larger, darker, compressed."""
    buffer = BytesIO()
    picture(number).resize((100, 100)).point(lambda value: value * 0.7).save(buffer, "JPEG", quality=40)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shops with the things 0 to 119 and 40 to 159; their names say little, their pictures much."""
    folder = tmp_path_factory.mktemp("shops")
    (folder / "pictures").mkdir()
    for number in range(NUM):
        picture(number).save(folder / "pictures" / f"{number}.png")
    names = [f"{WORDS[n % 6]} no {n % 7}" for n in range(NUM + FIRST)]
    lefts = [f"a{n},{names[n]},pictures/{n}.png" for n in range(NUM)]
    (folder / "left.csv").write_text("\n".join(["id,name,picture", *lefts]))
    rights = range(FIRST, NUM + FIRST)
    columns = {"id": [f"b{n}" for n in rights], "name": names[FIRST:], "photo": [photo(n) for n in rights]}
    pq.write_table(pa.table(columns), folder / "right.parquet")
    return folder


def truth() -> pa.Table:
    common = range(FIRST, NUM)
    return pa.table({"left_id": [f"a{n}" for n in common], "right_id": [f"b{n}" for n in common]})


def seen(column: str, records: kinfolk.Records) -> np.ndarray:
    return see_pixels(records, column, lambda _: None).vectors


def test_pixels_do_not_mind_size_shade_and_compression(shops: Path) -> None:
    left, right = kinfolk.read_records(shops / "left.csv"), kinfolk.read_records(shops / "right.parquet")
    cosines = seen("picture", left)[FIRST:] @ seen("photo", right)[: NUM - FIRST].T
    assert cosines.diagonal().min() > 0.95
    assert (cosines.argmax(axis=1) == np.arange(NUM - FIRST)).all()
    np.testing.assert_allclose(np.linalg.norm(seen("photo", right), axis=1), 1, rtol=1e-5)


def test_an_image_of_one_shade_says_nothing() -> None:
    buffer = BytesIO()
    Image.new("RGB", (5, 5), (10, 20, 30)).save(buffer, "PNG")
    found = see_pixels(kinfolk.read_records({"photo": [buffer.getvalue(), photo(1), None]}), "photo", lambda _: None)
    assert np.abs(found.vectors).sum(axis=1).astype(bool).tolist() == [False, True, False]
    assert [bool(value) for value in found.values] == [False, True, False]


def test_images_find_and_tell_apart_what_names_do_not(shops: Path) -> None:
    links = kinfolk.link(shops / "left.csv", shops / "right.parquet", relation="one-to-one")
    assert links.evaluate(truth()).f1 > 0.95
    assert links.left.roles["picture"] == links.right.roles["photo"] == "image"
    similarity = links.scores.column("similarity/picture = photo")
    assert pc.min(similarity.filter(links.scores.column("link"))).as_py() > 0.9
    explained = links.explain(f"a{FIRST}", f"b{FIRST}")
    (said,) = [c for c in explained.contributions if c.label == "picture = photo"]
    assert said.left_value == f"pictures/{FIRST}.png"
    assert said.right_value.endswith(" bytes)")
    assert said.log_odds > 1
    without = kinfolk.link(shops / "left.csv", shops / "right.parquet", ignore=["picture"], relation="one-to-one")
    assert without.evaluate(truth()).f1 < 0.5


def test_tables_of_images_alone_are_linked(shops: Path) -> None:
    links = kinfolk.link(shops / "left.csv", shops / "right.parquet", ignore=["name"])
    assert links.evaluate(truth()).f1 > 0.95
    order = np.random.default_rng(1).permutation(NUM)
    left, right = kinfolk.read_records(shops / "left.csv"), kinfolk.read_records(shops / "right.parquet")
    again = kinfolk.link(left.take(order), right.take(order[::-1]), ignore=["name"])
    assert set(map(str, again.to_arrow().drop(["probability"]).to_pylist())) == set(
        map(str, links.to_arrow().drop(["probability"]).to_pylist())
    )


def test_one_table_of_images_alone_is_grouped() -> None:
    ids, things, photos = copies(2)
    found = kinfolk.dedupe(pa.table({"id": ids, "photo": photos}))
    assert found.evaluate(pa.table({"id": ids, "cluster_id": things})).pairwise_f1 > 0.95
    again = kinfolk.dedupe(pa.table({"id": ids[::-1], "photo": photos[::-1]}))
    assert again.evaluate(found.to_arrow()).pairwise_f1 == 1, "the order of the rows changes nothing"


def test_images_join_the_evidence_where_things_appear_many_times() -> None:
    ids, things, photos = copies(4)
    names = [f"{WORDS[thing % 6]} {thing % 7}" for thing in things]
    truth = pa.table({"id": ids, "cluster_id": things})
    found = kinfolk.dedupe(pa.table({"id": ids, "name": names, "photo": photos}))
    assert "evidence/photo" in found.scores.column_names
    assert found.evaluate(truth).pairwise_f1 > 0.95
    assert kinfolk.dedupe(pa.table({"id": ids, "name": names})).evaluate(truth).pairwise_f1 < 0.5


def copies(times: int) -> tuple[list[str], list[int], list[bytes]]:
    """Ids, things and photos of 40 things in several copies, in no order."""
    rows = [(f"{n}-{copy}", n, _copy(n, copy)) for n in range(40) for copy in range(times)]
    order = np.random.default_rng(0).permutation(len(rows)).tolist()
    return [rows[at][0] for at in order], [rows[at][1] for at in order], [rows[at][2] for at in order]


def _copy(number: int, copy: int) -> bytes:
    buffer = BytesIO()
    picture(number).resize((40 + 20 * copy, 40 + 20 * copy)).save(buffer, "JPEG", quality=70 - 10 * copy)
    return buffer.getvalue()


class Told:
    """A listener that keeps the shares of each stage."""

    def __init__(self) -> None:
        self.shares: dict[str, list[float]] = {}

    def begin(self, stage: str) -> None:
        self.shares[stage] = []

    def advance(self, share: float) -> None:
        self.shares[list(self.shares)[-1]].append(share)

    def end(self, stage: Stage) -> None:
        """It has ended."""


@pytest.mark.parametrize("tables", [("left.csv", "right.parquet"), ("left.csv",)], ids=["link", "dedupe"])
def test_the_search_of_pictures_tells_how_far_it_is(
    shops: Path, monkeypatch: pytest.MonkeyPatch, tables: tuple[str, ...]
) -> None:
    monkeypatch.setattr(near_vectors, "_LEFT_ROWS", 10)
    told = Told()
    run = kinfolk.link if len(tables) == 2 else kinfolk.dedupe
    run(*(shops / name for name in tables), progress=told)
    shares = told.shares["candidates"]
    assert shares == sorted(shares)
    assert len(shares) >= NUM // 10
    assert shares[-1] == 1


def test_a_missing_image_speaks_neither_for_nor_against(shops: Path) -> None:
    left = kinfolk.read_records(shops / "left.csv")
    gone = left.table.set_column(
        2, "picture", pa.array([None if n == FIRST else f"{shops}/pictures/{n}.png" for n in range(NUM)])
    )
    links = kinfolk.link(gone, shops / "right.parquet", image=["picture=photo"], relation="one-to-one")
    row = links.scores.filter(pc.equal(links.scores.column("left"), FIRST))
    assert row.num_rows > 0, "its name finds candidates"
    assert row.column("similarity/picture = photo").null_count == row.num_rows


def test_what_cannot_be_read_is_named_or_left_out(tmp_path: Path) -> None:
    rows = "".join(f"{n},{WORDS[n % 6]} {n},{n}.png\n" for n in range(12))
    (tmp_path / "table.csv").write_text("id,name,photo\n" + rows)
    for number in range(12):
        (tmp_path / f"{number}.png").write_bytes(b"" if number < 6 else photo(number))
    with pytest.raises(kinfolk.DataError, match=r"table.csv row 1, column 'photo' \(0\.png\) is not an image"):
        kinfolk.dedupe(tmp_path / "table.csv")
    for found in (
        kinfolk.dedupe(tmp_path / "table.csv", on_error="skip", run=tmp_path / "run"),
        kinfolk.dedupe(tmp_path / "table.csv", on_error="skip", run=tmp_path / "run"),
        kinfolk.load(tmp_path / "run"),
    ):
        said = [note for note in found.notes if "photo" in note]
        assert [note[:14] for note in said] == [
            "table.csv row ",
            "table.csv row ",
            "table.csv row ",
            "table.csv, col",
        ]
        assert said[-1] == "table.csv, column 'photo': 3 more images could not be read."
    with pytest.raises(kinfolk.ConfigurationError, match="on_error must be 'raise' or 'skip'"):
        kinfolk.dedupe(tmp_path / "table.csv", on_error="ignore")  # type: ignore[arg-type]


def test_tables_without_one_readable_image_are_linked_by_what_else_there_is() -> None:
    table = pa.table({"name": [f"{WORDS[n % 6]} {n}" for n in range(12)], "photo": ["absent.png"] * 12})
    links = kinfolk.link(table, table, image=["photo"], on_error="skip")
    assert len(links) == 12
    assert len(kinfolk.dedupe(table, image=["photo"], on_error="skip")) == 12


def test_a_column_cannot_be_images_and_left_out(shops: Path) -> None:
    said = "'picture' is named as a column of images and as one to leave out"
    with pytest.raises(kinfolk.ConfigurationError, match=said):
        kinfolk.link(shops / "left.csv", shops / "left.csv", image=["picture"], ignore=["picture"])
    with pytest.raises(kinfolk.ConfigurationError, match=said):
        kinfolk.dedupe(shops / "left.csv", image=["picture"], ignore=["picture"])


def test_leaving_out_what_cannot_be_read_is_another_run(tmp_path: Path) -> None:
    table = pa.table({"name": ["a", "b", "c"], "photo": [photo(1), photo(2), b"broken"]})
    kinfolk.dedupe(table, image=["photo"], on_error="skip", run=tmp_path / "run")
    with pytest.raises(kinfolk.RunError, match="another unreadable images"):
        kinfolk.dedupe(table, image=["photo"], run=tmp_path / "run")


def test_a_folder_that_moved_is_found_by_the_report(tmp_path: Path) -> None:
    rows = "".join(f"{n},{WORDS[n % 6]} {n},{n}.png\n" for n in range(12))
    first = tmp_path / "first"
    first.mkdir()
    (first / "table.csv").write_text("id,name,photo\n" + rows)
    for number in range(12):
        (first / f"{number}.png").write_bytes(photo(number))
    kinfolk.dedupe(first / "table.csv", run=tmp_path / "run")
    second = first.rename(tmp_path / "second")
    kinfolk.dedupe(second / "table.csv", run=tmp_path / "run")
    found = kinfolk.load(tmp_path / "run")
    assert isinstance(found, kinfolk.Clusters)
    assert found.records.folder == second


def test_a_changed_file_is_another_run(shops: Path, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("id,name,photo\n1,a,x.png\n2,b,y.png\n3,c,y.png\n")
    for name, number in (("x", 1), ("y", 2)):
        (tmp_path / f"{name}.png").write_bytes(photo(number))
    for _ in range(2):
        kinfolk.link(tmp_path / "table.csv", shops / "left.csv", run=tmp_path / "run")
        kinfolk.dedupe(tmp_path / "table.csv", run=tmp_path / "groups")
    (tmp_path / "y.png").write_bytes(photo(3))
    with pytest.raises(kinfolk.RunError, match="another content of the images"):
        kinfolk.link(tmp_path / "table.csv", shops / "left.csv", run=tmp_path / "run")
    with pytest.raises(kinfolk.RunError, match="another content of the images"):
        kinfolk.dedupe(tmp_path / "table.csv", run=tmp_path / "groups")


def test_columns_of_images_are_paired_as_given_by_name_or_as_the_last_ones() -> None:
    def pairs(left: str, right: str, *given: tuple[str, str]) -> list[tuple[str, str]]:
        tables = [kinfolk.read_records(pa.table({c: [b"GIF8"] for c in names.split()})) for names in (left, right)]
        return [(p.left, p.right) for p in align_images(*tables, given=given)]

    assert pairs("front back", "Back front") == [("front", "front"), ("back", "Back")]
    assert pairs("photo", "scan") == [("photo", "scan")]
    assert pairs("photo scan", "image") == []
    assert pairs("photo scan", "image", ("scan", "image")) == [("scan", "image")]
    assert pairs("photo", "photo", ("photo", "photo"), ("photo", "photo")) == [("photo", "photo")]


def test_one_table_is_looked_at_once_and_capacity_counts_images() -> None:
    looked: list[str] = []
    records = kinfolk.read_records(pa.table({"photo": [photo(1), photo(2), None]}))

    def see(table: kinfolk.Records, field: str, advance: Callable[[float], None]) -> Seen:
        looked.append(field)
        return see_pixels(table, field, advance)

    pictures = see_pictures(records, records, [FieldPair("photo", "photo", "image")], see, lambda _: None)
    assert looked == ["photo"]
    pairs = Candidates(np.array([0, 0], np.int32), np.array([1, 2], np.int32))
    before = Comparisons(("name",), np.zeros((2, 1), np.float32), {"name": 0}, np.ones(2))
    after = pictures.add_to(before, pairs)
    np.testing.assert_allclose(after.capacity, [1 + np.log(2), 1])
    assert np.isnan(after.values[:, 1]).tolist() == [False, True]
    assert after.first_columns() == [[0], [1]]
    features = pictures.add_to_features(PairFeatures(np.zeros((2, 1), np.float32), ("a",), ("name",)), pairs)
    assert (features.names, features.groups) == (("a", "photo: look"), ("name", "photo"))
    np.testing.assert_array_equal(features.values, after.values)
