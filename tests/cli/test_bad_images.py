"""Bad images, tables, arrays, places and models through the real command: a result, or one sentence and exit code 2."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

TRAIN = ("--encoder-set", "depth=8", "--encoder-set", "width=4", "--size", "8", "--batch-size", "4", "--epochs", "1")


def png(shade: int = 100, size: tuple[int, int] = (8, 8)) -> bytes:
    buffer = BytesIO()
    Image.effect_noise(size, shade).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Eight pictures in two folders."""
    for number in range(8):
        place = tmp_path / "pictures" / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.png").write_bytes(png(20 + 10 * number))
    return tmp_path / "pictures"


@pytest.fixture
def model(run_kinfolk, pictures: Path, tmp_path: Path) -> Path:
    assert run_kinfolk("train", pictures, "-o", tmp_path / "model", *TRAIN, "--quiet").code == 0
    return tmp_path / "model"


def sentence(result) -> str:
    """What a refused command said, in one line."""
    assert result.code == 2, result
    assert result.out == ""
    assert "Traceback" not in result.err
    return " ".join(result.err.split())


def link_to_nowhere(folder: Path) -> None:
    (folder / "a" / "x.png").symlink_to("nowhere.png")


def link_to_itself(folder: Path) -> None:
    (folder / "a" / "x.png").symlink_to("x.png")


def written(data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / "a" / "x.png").write_bytes(data)


@pytest.mark.parametrize(
    "spoil",
    [
        written(b""),
        written(b"not a picture"),
        written(png()[:60]),
        written(b"\0" * 1000),
        written(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n"),
        link_to_nowhere,
        link_to_itself,
    ],
    ids=["empty", "text", "truncated", "zeros", "PostScript", "link to nowhere", "link to itself"],
)
def test_a_file_that_is_no_image_is_named_or_left_out(run_kinfolk, pictures: Path, tmp_path: Path, spoil) -> None:
    spoil(pictures)
    words = ("train", pictures, "-o", tmp_path / "m", *TRAIN)
    said = sentence(run_kinfolk(*words, "--json"))
    assert "a/x.png" in said
    assert "Correct or remove it." in said
    done = run_kinfolk(*words, "--on-error", "skip", "--json")
    assert done.code == 0, done.err
    about = json.loads(done.out)
    assert about["images"] == 8
    assert len(about["skipped"]) == 1


def test_circles_of_links_end_and_linked_folders_are_read(run_kinfolk, pictures: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "1.png").write_bytes(png())
    (pictures / "c").symlink_to(elsewhere)
    (pictures / "a" / "up").symlink_to(pictures)
    (elsewhere / "back").symlink_to(pictures / "a")
    result = run_kinfolk("train", pictures, "-o", tmp_path / "m", *TRAIN, "--label", "folder", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["images"] == 8 + 1, "no folder is read twice"
    for name in "defghijk":  # each in each: as many ways through them as there are orders
        (elsewhere / name).mkdir()
    for one in "defghijk":
        for other in "defghijk":
            (elsewhere / one / other).symlink_to(elsewhere / other)
    vectors = run_kinfolk("embed", pictures, "--model", tmp_path / "m", "-o", tmp_path / "v.parquet", "--json")
    assert json.loads(vectors.out)["vectors"] == 9
    assert pq.read_table(tmp_path / "v.parquet").column("name").to_pylist()[-1] == "c/1.png"


def test_names_that_are_no_text_are_shown_and_kept(run_kinfolk, pictures: Path, model: Path, tmp_path: Path) -> None:
    (pictures / "a" / "0.png").rename(pictures / "a" / "caf\udce9\n.png")
    (pictures / "b" / "broken\udcff.png").write_bytes(b"")
    odd = tmp_path / "odd\udcfe"
    pictures.rename(odd)
    vectors = tmp_path / "vectors\udcfd.parquet"
    words = ("embed", odd, "--model", model, "-o", vectors, "--on-error", "skip")
    for more in ((), ("--json",)):
        result = run_kinfolk(*words, *more)
        assert result.code == 0, result.err
        assert r"b/broken\udcff.png is not an image" in result.out.replace("\\\\", "\\")
    assert r"a/caf\udce9\n.png" in pq.read_table(BytesIO(vectors.read_bytes())).column("name").to_pylist()
    result = run_kinfolk("train", odd, "-o", tmp_path / "m\udcfc", *TRAIN, "--on-error", "skip")
    assert result.code == 0, result.err
    assert r"odd\udcfe" in (tmp_path / "m\udcfc" / "README.md").read_text("utf-8")


def table(**columns: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        pq.write_table(pa.table(columns), folder / "t.parquet")
        return folder / "t.parquet"

    return write


def arrays(**values: object) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.savez(folder / "t.npz", **values)
        return folder / "t.npz"

    return write


def damaged_parquet(folder: Path) -> Path:
    path = table(image=[png(n, (60, 60)) for n in range(8)])(folder)
    data = bytearray(path.read_bytes())
    data[4:3000] = b"\xff" * 2996
    path.write_bytes(data)
    return path


def zipped_pictures(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "t.zip", "w") as archive:
        archive.writestr("cat.png", png())
    return folder / "t.zip"


def damaged_npz(folder: Path) -> Path:
    np.savez_compressed(folder / "t.npz", x=np.random.default_rng(0).integers(0, 256, (8, 8, 8), np.uint8))
    data = bytearray((folder / "t.npz").read_bytes())
    data[200:260] = b"\0" * 60
    (folder / "t.npz").write_bytes(data)
    return folder / "t.npz"


def claiming_npz(folder: Path) -> Path:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 1000, 1000), }"
    with zipfile.ZipFile(folder / "t.npz", "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(header + b"\n").to_bytes(2, "little") + header + b"\n")
    return folder / "t.npz"


def nothing_in_it(folder: Path) -> Path:
    (folder / "empty.parquet").write_bytes(b"")
    return folder / "empty.parquet"


EIGHT = [png(10 * n) for n in range(8)]
GRAY = np.zeros((8, 8, 8), np.uint8)
HUGGING_FACE = pa.array([{"bytes": None, "path": "a\0b"}], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))


@pytest.mark.parametrize(
    ("source", "words", "said"),
    [
        (table(image=EIGHT, y=[0.5] * 8), ("--label", "y"), "labels must all be text, or all whole numbers. Got 0.5"),
        (table(image=EIGHT, y=[1.0] * 7 + [float("nan")]), ("--label", "y"), "Got 1.0, 1.0 and 1.0. Convert them"),
        (table(image=EIGHT, y=pa.array([0] * 8, pa.date32())), ("--label", "y"), "Got datetime.date(1970, 1, 1)"),
        (table(image=EIGHT, y=[["a"]] * 8), ("--label", "y"), "labels must all be text, or all whole numbers"),
        (table(image=EIGHT, y=[{"a": 1}] * 8), ("--label", "y"), "labels must all be text, or all whole numbers"),
        (table(image=EIGHT, y=["a", None] * 4), ("--label", "y"), "t.parquet row 2 has no label. Remove the row"),
        (table(image=EIGHT), ("--label", "image"), "Got b'"),
        (table(image=EIGHT), ("--label", "y"), "t.parquet has no column 'y'. Its columns: image"),
        (table(image=EIGHT), ("--column", "picture"), "no column 'picture'"),
        (table(image=EIGHT, other=EIGHT), (), "Name the one with images (column)"),
        (table(image=[*EIGHT[:7], None]), (), "t.parquet row 8 has no image. Remove the row"),
        (table(image=HUGGING_FACE), (), "t.parquet row 1 cannot be read (embedded null byte)"),
        (
            table(image=["a", "b"]),
            (),
            "has no column of encoded images: bytes, or a dict of bytes and path. Its columns",
        ),
        (table(image=pa.array([], pa.binary())), (), "t.parquet has no image that can be read. It is empty."),
        (damaged_parquet, (), "t.parquet"),
        (nothing_in_it, (), "empty.parquet is neither a folder of images, nor a Parquet file"),
        (zipped_pictures, (), "t.zip is an archive without arrays. Unpack it, and give the folder."),
        (damaged_npz, (), "t.npz is not a whole .npz file of plain arrays"),
        (claiming_npz, (), "t.npz is not a whole .npz file of plain arrays"),
        (arrays(x=np.array([{}, {}], object)), (), "t.npz is not a whole .npz file of plain arrays"),
        (arrays(x=GRAY.astype(np.int64)), (), "must hold uint8, booleans, or floats in [0, 1]. Got int64"),
        (arrays(x=GRAY.astype(np.float32) + 7), (), "Got float32, perhaps out of range"),
        (arrays(x=GRAY.astype(complex)), (), "must hold uint8"),
        (arrays(x=np.full((8, 8, 8), np.nan)), (), "Got float64, perhaps out of range"),
        (arrays(x=GRAY[0]), (), "0 of x could be it"),
        (arrays(x=GRAY), ("--column", "y"), "t.npz has no column 'y'"),
        (arrays(x=GRAY, y=np.zeros((8, 2), int)), ("--label", "y"), "8 in a row. Got an array 'y' of shape (8, 2)"),
        (arrays(x=GRAY, y=np.array(3)), ("--label", "y"), "8 in a row. Got an array 'y' of shape ()"),
    ],
)
def test_sources_that_cannot_be_used_are_one_sentence(
    run_kinfolk, tmp_path: Path, source: Callable[[Path], Path], words: tuple[str, ...], said: str
) -> None:
    text = sentence(run_kinfolk("train", source(tmp_path), "-o", tmp_path / "m", *TRAIN, *words))
    assert said in text
    assert len(text) < 400
    assert not list((tmp_path / "m").rglob("*.*"))


def test_a_column_of_several_is_named(run_kinfolk, tmp_path: Path) -> None:
    path = table(image=EIGHT, other=EIGHT)(tmp_path)
    assert run_kinfolk("train", path, "--column", "other", "-o", tmp_path / "m", *TRAIN, "--quiet").code == 0
    words = ("embed", path, "--column", "image", "--model", tmp_path / "m", "-o", tmp_path / "v.npy", "--json")
    assert json.loads(run_kinfolk(*words).out)["vectors"] == 8


def test_gray_images_are_trained_on_and_embedded(run_kinfolk, pictures: Path, tmp_path: Path) -> None:
    words = ("train", pictures, "-o", tmp_path / "m", *TRAIN, "--encoder-set", "channels=1", "--quiet")
    assert run_kinfolk(*words).code == 0
    words = ("embed", pictures, "--model", tmp_path / "m", "-o", tmp_path / "v.npy", "--json")
    assert json.loads(run_kinfolk(*words).out)["vectors"] == 8


@pytest.mark.parametrize("taken", ["README.md", "config.json", "model.safetensors"])
def test_what_is_in_the_folder_is_not_overwritten(run_kinfolk, pictures: Path, tmp_path: Path, taken: str) -> None:
    place = tmp_path / "project"
    place.mkdir()
    (place / taken).write_text("mine")
    said = sentence(run_kinfolk("train", pictures, "-o", place, *TRAIN))
    assert f"holds {taken} already, which the model would overwrite. Choose another folder" in said
    assert (place / taken).read_text() == "mine"
    assert [path.name for path in place.iterdir()] == [taken]


def test_a_finished_model_is_kept_from_another_training(run_kinfolk, pictures: Path, model: Path) -> None:
    before = (model / "model.safetensors").read_bytes()
    said = sentence(run_kinfolk("train", pictures, "-o", model, *TRAIN, "--seed", "1"))
    assert "holds a run with another seed. Use another folder" in said
    (pictures / "a" / "0.png").write_bytes(png(255))
    assert "another images" in sentence(run_kinfolk("train", pictures, "-o", model, *TRAIN))
    shutil.rmtree(model / "training")
    assert "would overwrite" in sentence(run_kinfolk("train", pictures, "-o", model, *TRAIN, "--seed", "1"))
    assert (model / "model.safetensors").read_bytes() == before


def test_a_first_failure_does_not_stand_in_the_way(run_kinfolk, pictures: Path, tmp_path: Path) -> None:
    words = ("train", pictures, "-o", tmp_path / "m", "--method", "groco", *TRAIN)
    assert "need a batch of at least 11 items" in sentence(run_kinfolk(*words))
    assert run_kinfolk(*words, "--set", "top_k=3", "--quiet").code == 0


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_place_that_is_a_file_is_said(run_kinfolk, pictures: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    said = sentence(run_kinfolk("train", pictures, "-o", tmp_path / place, *TRAIN))
    assert str(tmp_path / place) in said
    assert "another" in said
    assert (tmp_path / "file").read_text() == "mine"


def test_a_loss_that_is_no_number_is_said(run_kinfolk, pictures: Path, tmp_path: Path) -> None:
    words = ("train", pictures, "-o", tmp_path / "m", *TRAIN, "--set", "projection=8", "--json")
    said = sentence(run_kinfolk(*words, "--set", "learning_rate=1e30", "--epochs", "3"))
    assert "no longer numbers in epoch" in said
    assert "Lower learning_rate or set clip_norm" in said
    assert not (tmp_path / "m" / "config.json").exists()
    json.loads(run_kinfolk(*words).out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("last.ckpt", b"", "last.ckpt cannot be read"),
        ("last.ckpt", b"text", "last.ckpt cannot be read"),
        ("last.ckpt", None, "last.ckpt cannot be read"),
        ("manifest.json", b"{", "manifest.json cannot be read"),
        ("manifest.json", b"[1]", "manifest.json cannot be read"),
        ("manifest.json", b"\xff\xfe", "manifest.json cannot be read"),
    ],
)
def test_a_damaged_checkpoint_is_said(
    run_kinfolk, pictures: Path, model: Path, name: str, content: bytes | None, said: str
) -> None:
    path = model / "training" / name
    path.write_bytes(path.read_bytes()[:-2000] if content is None else content)
    text = sentence(run_kinfolk("train", pictures, "-o", model, *TRAIN))
    assert said in text
    assert "Delete the folder" in text


def test_a_damaged_history_is_written_anew(run_kinfolk, pictures: Path, model: Path) -> None:
    (model / "training" / "history.jsonl").write_bytes(b"\xff")
    words = [*TRAIN[:-1], "1"]
    assert run_kinfolk("train", pictures, "-o", model, *words, "--quiet").code == 0


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("config.json", b"", "config.json cannot be read"),
        ("config.json", b"[]", "does not describe a model of this version"),
        ("config.json", b'{"model_type": "vit"}', "does not describe a model of this version"),
        ("config.json", b'{"kinfolk_model": 1}', "does not describe a model (KeyError: 'encoder')"),
        (
            "config.json",
            b'{"kinfolk_model": 1, "encoder": "resnet", "encoder_settings": {"depht": 8}, "size": 8}',
            "does not describe a model (TypeError",
        ),
        (
            "config.json",
            b'{"kinfolk_model": 1, "encoder": "resnet", "encoder_settings": {}, "size": "8"}',
            "does not describe a model (TypeError: size '8')",
        ),
        (
            "config.json",
            b'{"kinfolk_model": 1, "encoder": "vit", "encoder_settings": {}, "size": 8}',
            "model.safetensors cannot be read",
        ),
        ("model.safetensors", b"", "model.safetensors cannot be read"),
        ("model.safetensors", b"text that is none", "model.safetensors cannot be read"),
        ("model.safetensors", None, "model.safetensors cannot be read"),
    ],
)
def test_a_damaged_model_is_said(
    run_kinfolk, pictures: Path, model: Path, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = model / name
    path.write_bytes(path.read_bytes()[:1000] if content is None else content)
    text = sentence(run_kinfolk("embed", pictures, "--model", model, "-o", tmp_path / "v.parquet"))
    assert said in text
    assert not (tmp_path / "v.parquet").exists()


def test_vectors_are_not_written_over_what_they_are_made_from(run_kinfolk, model: Path, tmp_path: Path) -> None:
    path = table(image=EIGHT)(tmp_path)
    said = sentence(run_kinfolk("embed", path, "--model", model, "-o", path))
    assert "is an input and would be overwritten" in said
    assert pq.read_table(path).num_rows == 8


def limited(size: int, *words: object) -> subprocess.CompletedProcess[str]:
    """The program, where no file may be larger, as on a disk that is full."""
    return subprocess.run(
        [sys.executable, "-m", "kinfolk", *map(str, words)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("ending", [".parquet", ".npy"])
def test_vectors_on_a_full_disk_end_in_a_sentence(pictures: Path, model: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"vectors{ending}"
    path.write_bytes(b"earlier ones")
    result = limited(200, "embed", pictures, "--model", model, "-o", path)
    assert result.returncode == 2, result.stderr
    assert f"Cannot write {path}: File too large" in " ".join(result.stderr.split())
    assert path.read_bytes() == b"earlier ones"
    assert not list(tmp_path.glob(".*.part*"))


def test_training_on_a_full_disk_ends_in_a_sentence_and_goes_on(
    run_kinfolk, pictures: Path, model: Path, tmp_path: Path
) -> None:
    place = tmp_path / "m"
    words = ("train", pictures, "-o", place, *TRAIN)
    result = limited(4000, *words)
    assert result.returncode == 2, result.stderr
    assert f"Cannot write {place / 'training' / 'last.ckpt'}: File too large" in " ".join(result.stderr.split())
    assert run_kinfolk(*words, "--quiet").code == 0
    assert (place / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()


@pytest.mark.parametrize("when", ["train", "read"])
def test_ctrl_c_ends_in_a_sentence_and_130(pictures: Path, tmp_path: Path, when: str) -> None:
    for number in range(3000 if when == "read" else 0):
        os.link(pictures / "a" / "0.png", pictures / "a" / f"more-{number}.png")
    place = tmp_path / "m"
    words = ("train", pictures, "-o", place, *TRAIN[:-1], "100000", "--set", "queue_size=8", "--method", "moco")
    process = subprocess.Popen(
        [sys.executable, "-c", _SAYS_WHEN.format(when=when), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "now\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert (
        "Stopped. Nothing half-written is left; the same command goes on where it stopped (link and dedupe: with --run)."
        in said
    )
    assert not list(tmp_path.rglob(".*.part*"))


# Prints "now" when the first image is read, or the first epoch is over.
_SAYS_WHEN = """
import sys
from kinfolk.cli import main
from kinfolk.data import image_sources
from kinfolk.methods import watch

def telling(owner, name):
    given = getattr(owner, name)
    def told(*arguments):
        result = given(*arguments)
        setattr(owner, name, given)
        print("now", flush=True)
        return result
    setattr(owner, name, told)

if {when!r} == "read":
    telling(image_sources.RawImage, "read")
else:
    telling(watch.Watch, "on_train_epoch_end")
main()
"""
