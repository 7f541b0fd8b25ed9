"""Streams of texts against ``read_texts``, which holds them all."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kinfolk.data import text_stream
from kinfolk.data.text_stream import open_text_stream
from kinfolk.data.texts import read_texts
from kinfolk.errors import ConfigurationError, DataError

LINES = "red shoe\r\n\n \nnaïve 東京 🎧\rשלום עולם\u2028same line\nlast, no end"
PACKED = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def flattened(stream, most_texts=2, most_characters=1_000):
    chunks = list(stream.chunks(most_texts=most_texts, most_characters=most_characters))
    return [row for chunk in chunks for row in chunk.rows], [text for chunk in chunks for text in chunk.texts]


def assert_as_held(source, column=None):
    held, stream = read_texts(source, column=column), open_text_stream(source, column=column)
    assert flattened(stream) == (held.rows.tolist(), list(held.texts))
    assert (stream.num_texts, stream.notes) == (len(held), held.notes)


@pytest.fixture
def nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("the texts were read whole")

    monkeypatch.setattr(text_stream, "read_texts", refused)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", PACKED)
def test_lines_are_those_of_reading_whole(tmp_path: Path, ending: str, mark: bytes) -> None:
    path = tmp_path / f"lines.txt{ending}"
    path.write_bytes(PACKED[ending](mark + LINES.encode()))
    assert_as_held(path)


@pytest.mark.parametrize(
    "encoded", [LINES.encode("utf-16"), b"caf\xe9\nth\xe9\n", b"nul\0 in it\nno\n", b"\x1b$B\x24\x22"]
)
def test_lines_that_are_not_plain_are_read_whole(tmp_path: Path, encoded: bytes) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(encoded)
    assert_as_held(path)


@pytest.mark.usefixtures("nothing_held")
def test_plain_lines_are_never_held(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text(LINES, "utf-8")
    assert open_text_stream(path).num_texts == 4


@pytest.mark.usefixtures("nothing_held")
@pytest.mark.parametrize("column", [None, "text"])
def test_a_column_of_parquet_is_never_held(tmp_path: Path, column: str | None) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"number": [1, 2, 3], "text": ["a shoe", None, "nul\0"]}), path, row_group_size=2)
    assert flattened(open_text_stream(path, column=column)) == ([0, 2], ["a shoe", "nul\0"])


def test_parquet_and_other_tables_as_held(tmp_path: Path) -> None:
    table = pa.table({"text": ["a red shoe", "  ", "blue", None, "n/a"], "maker": ["x y", "z", "w v", "u t", "s"]})
    pq.write_table(table, tmp_path / "table.parquet")
    assert_as_held(tmp_path / "table.parquet", "text")
    (tmp_path / "table.csv").write_text("text,maker\na red shoe,x\n,y\nblue,z\n", "utf-8")
    assert_as_held(tmp_path / "table.csv", "text")
    assert_as_held(["one", "", "two"])


def test_a_chunk_ends_at_its_limits() -> None:
    stream = open_text_stream(["aaaa", "bbbb", "c", "d" * 50, "e", "", "f"])
    chunks = [chunk.texts for chunk in stream.chunks(most_texts=2, most_characters=8)]
    assert chunks == [("aaaa", "bbbb"), ("c",), ("d" * 50,), ("e", "f")]


def test_fingerprints_tell_texts_and_their_rows_apart() -> None:
    sources = (["a", "b"], ["b", "a"], ["ab"], ["a", "", "b"], ["a", "b", "c"])
    assert len({open_text_stream(source).fingerprint for source in sources}) == len(sources)
    assert open_text_stream(["a", "b"]).fingerprint == open_text_stream(("a", "b")).fingerprint


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    blank, cut = tmp_path / "blank.txt", tmp_path / "cut.txt.gz"
    blank.write_text("\n \n", "utf-8")
    noise = np.random.default_rng(0).bytes(10_000).hex().encode()
    cut.write_bytes(gzip.compress(noise)[:-100])
    pq.write_table(pa.table({"text": ["a"], "other": ["b"]}), tmp_path / "table.parquet")
    with pytest.raises(DataError, match="There is no text in the 2 rows"):
        open_text_stream(blank)
    with pytest.raises(DataError, match="cut short or damaged"):
        open_text_stream(cut)
    with pytest.raises(DataError, match="cannot be read"):
        open_text_stream(tmp_path / "absent.txt")
    with pytest.raises(ConfigurationError, match="none"):
        open_text_stream(tmp_path / "table.parquet", column="none")
