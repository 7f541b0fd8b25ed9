from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kinfolk import ConfigurationError, DataError, MissingExtraError
from kinfolk.data import images as module
from kinfolk.data import read_images

Image = pytest.importorskip("PIL.Image", reason="needs kinfolk[train]: Pillow is not installed")


def png(shade: int) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (6, 6), (shade,) * 3).save(buffer, "PNG")
    return buffer.getvalue()


def shades(images) -> list[int]:
    """The one value of each image, which it must have everywhere."""
    assert (images.pixels == images.pixels[:, :1, :1, :1]).all()
    return images.pixels[:, 0, 0, 0].tolist()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for place, shade in (("b/2.png", 20), ("a/1.PNG", 10), ("a/deep/3.png", 30), ("c/10.png", 40)):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(png(shade))
    (tmp_path / "a" / "._1.png").write_bytes(b"what another system leaves behind")
    (tmp_path / "a" / "notes.txt").write_text("no image")
    return tmp_path


def test_a_folder_is_read_with_all_in_it_in_the_order_of_names(folder: Path) -> None:
    images = read_images(folder, size=4)
    assert images.pixels.shape == (4, 3, 4, 4)
    assert images.pixels.dtype == np.uint8
    assert images.names == ("a/1.PNG", "a/deep/3.png", "b/2.png", "c/10.png")
    assert shades(images) == [10, 30, 20, 40]
    assert images.labels is None
    assert len(images) == 4


def test_sub_folders_can_be_labels(folder: Path) -> None:
    images = read_images(str(folder), size=4, label="folder")
    assert images.labels is not None
    assert images.labels.tolist() == [0, 0, 1, 2]
    assert images.label_names == ("a", "b", "c")
    (folder / "loose.png").write_bytes(png(1))
    with pytest.raises(DataError, match=r"loose.png lies in no sub-folder of .*, so it has no label"):
        read_images(folder, size=4, label="folder")


@pytest.fixture
def table() -> pa.Table:
    return pa.table(
        {
            "id": ["x", "y", "z"],
            "image": pa.array([png(1), png(2), png(3)], pa.binary()),
            "class": [7, 3, 7],
        }
    )


def dicts(table: pa.Table, path: str | None = None) -> pa.Table:
    """The same images as Hugging Face data sets hold them, the second one only by its path."""
    cells = [{"bytes": data, "path": f"{i}.png"} for i, data in enumerate(table["image"].to_pylist())]
    if path is not None:
        cells[1] = {"bytes": None, "path": path}
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return table.set_column(1, "image", pa.array(cells, kind))


@pytest.mark.parametrize(
    "form", [lambda t: t, dicts, lambda t: t.cast(t.schema.set(1, pa.field("image", pa.large_binary())))]
)
def test_a_table_is_read_from_memory_and_from_a_file(table: pa.Table, form: Callable, tmp_path: Path) -> None:
    path = tmp_path / "pictures.parquet"
    pq.write_table(form(table), path, row_group_size=2)
    for source, name in ((path, "pictures.parquet"), (form(table), "table")):
        images = read_images(source, size=4, label="class")
        assert shades(images) == [1, 2, 3]
        assert images.names == tuple(f"{name} row {row}" for row in (1, 2, 3))
        assert images.labels is not None
        assert images.labels.tolist() == [1, 0, 1]
        assert images.label_names == (3, 7)


def test_paths_lead_to_files_beside_the_table(table: pa.Table, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "second.png").write_bytes(png(99))
    pq.write_table(dicts(table, "files/second.png"), tmp_path / "t.parquet")
    assert shades(read_images(tmp_path / "t.parquet", size=4)) == [1, 99, 3]
    pq.write_table(dicts(table, "files/none.png"), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"t.parquet row 2 cannot be read \(No such file or directory\)"):
        read_images(tmp_path / "t.parquet", size=4)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda x: x, [0, 51, 255]),
        (lambda x: x[..., None].repeat(3, axis=3), [0, 51, 255]),
        (lambda x: x[:, None].repeat(3, axis=1), [0, 51, 255]),
        (lambda x: (x / 255).astype(np.float32), [0, 51, 255]),
        (lambda x: x > 50, [0, 255, 255]),
    ],
    ids=["gray", "channels last", "channels first", "floats", "booleans"],
)
def test_arrays_of_several_forms(make: Callable, expected: list[int], tmp_path: Path) -> None:
    values = np.array([0, 51, 255], dtype=np.uint8)[:, None, None].repeat(6, axis=1).repeat(7, axis=2)
    np.savez(tmp_path / "a.npz", x=make(values), y=np.array(["no", "yes", "no"]))
    images = read_images(tmp_path / "a.npz", size=4, label="y", fit="crop")
    assert shades(images) == expected
    assert images.names[0] == "a.npz image 1"
    assert images.labels is not None
    assert images.labels.tolist() == [0, 1, 0]


def test_what_cannot_be_read_is_named_or_skipped(folder: Path) -> None:
    (folder / "b" / "0.png").write_bytes(png(5)[:50])
    with pytest.raises(DataError, match=r"b/0.png is not an image that can be read"):
        read_images(folder, size=4)
    images = read_images(folder, size=4, label="folder", on_error="skip")
    assert images.names == ("a/1.PNG", "a/deep/3.png", "b/2.png", "c/10.png")
    assert shades(images) == [10, 30, 20, 40]
    assert images.labels is not None
    assert images.labels.tolist() == [0, 0, 1, 2]
    assert len(images.skipped) == 1
    assert images.skipped[0].startswith("b/0.png is not an image")


def test_rows_without_image_or_label_are_named_or_skipped(table: pa.Table) -> None:
    broken = table.set_column(1, "image", pa.array([png(1), None, png(3)], pa.binary()))
    broken = broken.set_column(2, "class", pa.array([None, 3, 7]))
    with pytest.raises(DataError, match="table row 2 has no image"):
        read_images(broken, size=4)
    images = read_images(broken, size=4, label="class", on_error="skip")
    assert shades(images) == [3]
    assert images.skipped == (
        "table row 1 has no label. Remove the row, or give it one.",
        "table row 2 has no image. Remove the row.",
    )
    with pytest.raises(DataError, match="table has no image that can be read. table row 1 has no image"):
        read_images(pa.table({"image": pa.array([None], pa.binary())}), size=4, on_error="skip")


def test_progress_is_told_every_so_many_images_and_at_the_end(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", np.zeros((600, 4, 4), dtype=np.uint8))
    told: list[tuple[int, int]] = []
    read_images(tmp_path / "a.npz", size=2, progress=lambda done, total: told.append((done, total)))
    assert told == [(256, 600), (512, 600), (600, 600)]


@pytest.mark.filterwarnings("error")
def test_what_the_user_allows_is_read_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)
    assert len(read_images(pa.table({"image": [png(1)]}), size=4, max_pixels=36)) == 1
    with pytest.raises(DataError, match="6 x 6 pixels; at most 35"):
        read_images(pa.table({"image": [png(1)]}), size=4, max_pixels=35)


def test_sources_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no file or folder"):
        read_images(tmp_path / "nowhere", size=4)
    with pytest.raises(DataError, match=r"holds no images: files named \.avif"):
        read_images(tmp_path, size=4)
    (tmp_path / "cat.png").write_bytes(png(1))
    with pytest.raises(DataError, match=r"cat.png is neither a folder of images, nor a Parquet file"):
        read_images(tmp_path / "cat.png", size=4)
    for name, start in (("cut.parquet", b"PAR1"), ("cut.npz", b"PK\x03\x04")):
        (tmp_path / name).write_bytes(start + b"cut")
        with pytest.raises(DataError, match=rf"{name} is not a whole"):
            read_images(tmp_path / name, size=4)
    with pytest.raises(DataError, match="table has no image that can be read. It is empty."):
        read_images(pa.table({"image": pa.array([], pa.binary())}), size=4)


def test_columns_are_found_or_asked_for(table: pa.Table, tmp_path: Path) -> None:
    two = table.append_column("thumb", table["image"])
    with pytest.raises(ConfigurationError, match="columns image and thumb hold bytes. Name the one with images"):
        read_images(two, size=4)
    assert shades(read_images(two, size=4, column="thumb")) == [1, 2, 3]
    with pytest.raises(ConfigurationError, match="table has no column 'imag'. Did you mean 'image'"):
        read_images(table, size=4, column="imag")
    with pytest.raises(ConfigurationError, match="column 'id' must hold encoded images.* It is string"):
        read_images(table, size=4, column="id")
    with pytest.raises(DataError, match="table has no column of encoded images"):
        read_images(table.drop_columns(["image"]), size=4)
    np.savez(tmp_path / "a.npz", a=np.zeros((2, 4, 4), np.uint8), b=np.zeros((2, 4, 4), np.uint8), c=np.zeros(3))
    with pytest.raises(ConfigurationError, match=r"and 2 of a, b and c could be it. Name it"):
        read_images(tmp_path / "a.npz", size=4)
    with pytest.raises(DataError, match="every image needs a label, 2 in a row. Got .*'c' of shape .3,."):
        read_images(tmp_path / "a.npz", size=4, column="a", label="c")


@pytest.mark.parametrize(
    "values", [np.zeros((2, 5, 5, 5), np.uint8), np.zeros((2, 4, 4)) + 7, np.zeros((2, 4, 4), int)]
)
def test_arrays_that_are_no_images(values: np.ndarray, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=values)
    with pytest.raises(DataError, match="a.npz: array 'x' must"):
        read_images(tmp_path / "a.npz", size=4)


def test_labels_of_two_kinds_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 4, 4), np.uint8), y=np.array([0.5, 1.0]))
    with pytest.raises(DataError, match=r"labels must all be text, or all whole numbers. Got 0.5 and 1.0"):
        read_images(tmp_path / "a.npz", size=4, label="y")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 0}, "size must be at least 1. Got 0"),
        ({"channels": 4}, "channels must be 1 .* or 3 .* Got 4"),
        ({"background": 256}, r"background must be in \[0, 255\]. Got 256"),
        ({"fit": "stretch"}, "fit must be 'pad', 'crop' or 'fold'. Got 'stretch'"),
        ({"on_error": "ignore"}, "on_error must be 'raise' or 'skip'. Got 'ignore'"),
        ({"column": "x"}, "column is for Parquet and .npz files"),
        ({"label": "class"}, "label of a folder must be 'folder'.* Got 'class'"),
    ],
)
def test_impossible_options_are_refused(options: dict, message: str, folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read_images(folder, **{"size": 4, **options})


def test_without_pillow_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"Reading images needs .* pip install 'kinfolk\[images\]'"):
        read_images(folder, size=4)


def test_more_images_than_memory_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_args: object, **_options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(module.np, "empty", none_left)
    with pytest.raises(DataError, match="1 images of 20000 x 20000 need 1 GB of memory"):
        read_images(pa.table({"image": [png(1)]}), size=20_000)


def test_the_photographs_of_cifar_are_read(data_folder: Path) -> None:
    images = read_images(data_folder / "img-cifar10" / "images.parquet", size=32, label="label")
    assert images.pixels.shape == (24_000, 3, 32, 32)
    assert len(images.label_names) == 10
    assert not images.skipped
