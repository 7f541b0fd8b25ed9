"""Images of a column of records: every kind of cell, every kind of broken file, named by row and path."""

from __future__ import annotations

import os
import struct
import zlib
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from kinfolk.data import Records, read_records, record_images
from kinfolk.data.record_images import hash_image_files, read_field_images
from kinfolk.errors import ConfigurationError, DataError


def png(shade: int, mode: str = "L") -> bytes:
    buffer = BytesIO()
    Image.new(mode, (4, 4), shade).save(buffer, "PNG")
    return buffer.getvalue()


def bomb(side: int) -> bytes:
    """A file of 70 bytes that claims to have side x side pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + chunk(b"IEND", b"")
    )


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def shades(records: Records, field: str = "photo", **options: object) -> list[int | None]:
    """The gray level of each record's image, None where it has none."""
    images = read_field_images(records, field, size=2, channels=1, **options)  # type: ignore[arg-type]
    assert images.pixels.shape == (len(records), 1, 2, 2)
    assert images.pixels.dtype == np.uint8
    return [
        int(pixels.max()) if there else None
        for pixels, there in zip(images.pixels, images.present.tolist(), strict=True)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A table beside the images it names, one below it, one above it, one at the other end of the machine."""
    place = tmp_path / "shop"
    (place / "photos").mkdir(parents=True)
    (place / "photos" / "a.png").write_bytes(png(10))
    (place / "b.png").write_bytes(png(20))
    (tmp_path / "above.png").write_bytes(png(30))
    rows = ["photos/a.png", "b.png", "../above.png", str(place / "b.png"), "", "N/A", "photos/a.png"]
    (place / "shop.csv").write_text("id,photo\n" + "".join(f"{n},{path}\n" for n, path in enumerate(rows)))
    return place


def test_paths_start_at_the_folder_of_the_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [10, 20, 30, 20, None, None, 10]
    records = read_records(folder / "shop.csv")
    assert records.roles["photo"] == "image"
    assert shades(records) == expected
    monkeypatch.chdir(folder.parent)
    assert shades(read_records("shop/shop.csv")) == expected
    order = [6, 5, 4, 0, 1, 2, 3]
    assert shades(records.take(order)) == [expected[row] for row in order]
    monkeypatch.chdir(folder)
    assert shades(read_records({"photo": ["photos/a.png", None]})) == [10, None], (
        "tables in memory: the working directory"
    )


@pytest.mark.parametrize("wrap", [pa.table, lambda columns: pa.table(columns).to_pylist()], ids=["Arrow", "dicts"])
def test_bytes_and_dicts_of_bytes_and_path(wrap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.png").write_bytes(png(50))
    assert shades(read_records(wrap({"photo": [png(10), None, png(20), png(10)]}))) == [10, None, 20, 10]
    cells = [
        {"bytes": png(10), "path": "gone.png"},
        {"bytes": None, "path": "c.png"},
        None,
        {"bytes": None, "path": None},
    ]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    records = read_records(wrap({"photo": pa.array(cells, kind), "name": list("abcd")}))
    assert records.roles == {"photo": "image", "name": "text"}
    assert shades(records) == [10, 50, None, None]
    changed = read_records(
        wrap({"photo": pa.array([{"bytes": png(11), "path": "gone.png"}, *cells[1:]], kind), "name": list("abcd")})
    )
    assert changed.fingerprint() != records.fingerprint()


def test_the_order_of_rows_changes_nothing_but_the_order(folder: Path, rng: np.random.Generator) -> None:
    records = read_records(folder / "shop.csv")
    images = read_field_images(records, "photo", size=3)
    order = rng.permutation(len(records))
    again = read_field_images(records.take(order), "photo", size=3)
    assert np.array_equal(again.pixels, images.pixels[order])
    assert again.values == [images.values[row] for row in order]


def test_equal_paths_and_equal_bytes_are_decoded_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: Counter[bytes] = Counter()
    decode = record_images.decode_image

    def counting(data: bytes, name: str, **options: object) -> np.ndarray:
        decoded[data] += 1
        return decode(data, name, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(record_images, "decode_image", counting)
    (folder / "copy.png").write_bytes(png(20))
    images = read_field_images(read_records({"photo": [png(20), png(10), png(20)] * 300}), "photo", size=2)
    assert decoded == {png(20): 1, png(10): 1}
    assert len(images.distinct) == 2
    decoded.clear()
    table = {"photo": [str(folder / name) for name in ("b.png", "copy.png", "b.png", "b.png")]}
    images = read_field_images(read_records(table), "photo", size=2)
    assert decoded[png(20)] == 2, "two files, each once"
    assert images.place.tolist() == [0, 0, 0, 0], "which turn out to be the same"


def test_colors_frames_and_depths_of_any_kind_are_read(tmp_path: Path) -> None:
    frames = [Image.new("L", (4, 4), shade) for shade in (77, 200)]
    files = {
        "cmyk.jpg": saved(Image.new("CMYK", (8, 8), (0, 0, 0, 155)), "JPEG", quality=100),
        "animated.gif": saved(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "deep.tif": saved(Image.fromarray(np.full((4, 4), 25_700, np.uint16)), "TIFF"),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "t.csv").write_text("photo,n\n" + "".join(f"{name},1\n" for name in files))
    assert shades(read_records(tmp_path / "t.csv")) == pytest.approx([100, 77, 100], abs=2)


BROKEN = {
    "empty": b"",
    "text": b"not an image",
    "cut": png(1)[:40],
    "page": b"%!PS-Adobe-3.0 EPSF-3.0\nshowpage\n",
    "bomb": bomb(50_000),
    "huge": bomb(10_001),  # just above 100 million pixels
}


@pytest.mark.parametrize("kind", [*BROKEN, "absent", "folder", "pipe", "device", "nul", "loop"])
def test_what_cannot_be_read_is_named_by_row_column_and_path(kind: str, tmp_path: Path) -> None:
    (tmp_path / "good.png").write_bytes(png(9))
    path = tmp_path / "odd.png"
    if kind in BROKEN:
        path.write_bytes(BROKEN[kind])
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to("odd.png")
    name = "odd\0.png" if kind == "nul" else "odd.png"
    records = Records(
        pa.table({"photo": ["good.png", name, None, "good.png", name]}), {"photo": "image"}, "shop", folder=tmp_path
    )
    where = r"shop row 2 and 1 more, column 'photo' \(odd(\\x00)?\.png\) "
    with pytest.raises(DataError, match=where) as raised:
        shades(records)
    assert str(raised.value).endswith('--on-error skip, on_error="skip" in Python.')
    assert "\0" not in str(raised.value)
    images = read_field_images(records, "photo", size=2, on_error="skip")
    assert images.present.tolist() == [True, False, False, True, False]
    assert len(images.skipped) == 1
    assert images.skipped[0] in str(raised.value)


@pytest.mark.parametrize("address", ["https://example.org/a.png", "s3://bucket/a.png", "data:image/png;base64,AAAA"])
def test_nothing_is_fetched(address: str) -> None:
    records = read_records({"photo": [address]}, image="photo")
    with pytest.raises(DataError, match=r"row 1, column 'photo' .* is an address, and nothing is fetched"):
        shades(records)
    assert shades(records, on_error="skip") == [None]


def test_a_part_of_a_table_names_the_rows_of_the_whole() -> None:
    table = pa.table({"id": ["a", "b", "c", "d"], "photo": [png(1), png(2), png(3), b"broken"]})
    records = read_records(table, id="id", image=["photo"])
    for part in (records.take([0, 3]), records.take(slice(3, 4)), records.take(slice(1, 4)).take([2])):
        with pytest.raises(DataError, match="row 4, column 'photo'"):
            shades(part)


def test_views_of_bytes_are_bytes() -> None:
    table = pa.table({"photo": pa.array([png(7), None]).cast(pa.binary_view())})
    assert read_field_images(read_records(table, image=["photo"]), "photo", size=2).present.tolist() == [True, False]


def test_a_column_that_cannot_hold_images_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"column 'photo' must hold images: .* It is int64\."):
        shades(read_records({"photo": [1, 2]}, image="photo"))
    with pytest.raises(ConfigurationError, match=r"'raise' or 'skip'. Got 'ignore'"):
        shades(read_records({"photo": [png(1)]}), on_error="ignore")


def test_a_changed_file_changes_the_hash_and_nothing_else_does(folder: Path) -> None:
    records = read_records(folder / "shop.csv")
    first = hash_image_files(records)
    os.utime(folder / "b.png", (1, 1))
    assert hash_image_files(records) == first
    (folder / "b.png").write_bytes(png(21))
    second = hash_image_files(records)
    assert second != first
    (folder / "b.png").unlink()
    assert hash_image_files(records) not in (first, second)
    assert hash_image_files(records.with_roles({"photo": "text"})) == hash_image_files(read_records({"a": [1]}))


def test_names_of_image_files_are_images_where_the_files_are_there(folder: Path) -> None:
    def role_of(name: str, paths: list[str]) -> str:
        (folder / "t.csv").write_text(f"id,{name}\n" + "".join(f"{n},{path}\n" for n, path in enumerate(paths)))
        records = read_records(folder / "t.csv")
        absent = any("not there" in note for note in records.notes)
        return f"{records.roles[name]}{' with a note' if absent else ''}"

    here, gone = ["b.png", "photos/a.png"], ["x.PNG", "y.jpeg"]
    assert role_of("photo", here * 3) == "image"
    assert role_of("photo", [*here, *gone]) == "image", "half of them are enough"
    assert role_of("photo", [*here, *gone, "z.webp"]) == "text with a note"
    assert role_of("photo", [*here, "", "none", "unknown"]) == "text", "most must be named like images"
    assert role_of("image_id", here * 3) == "text", "a key stays a key"
    assert read_records(pa.table({"id": [str(folder / p) for p in here], "n": [1, 2]})).roles["id"] == "id"
    assert role_of("photo", ["https://example.org/a.png", "https://example.org/b.png"]) == "text", "nothing is fetched"
    role_of("photo", gone)
    assert not any("not there" in note for note in read_records(folder / "t.csv", text="photo").notes), "as you said"
