"""Vectors written in parts: those of ``encode``, the same bytes after a kill, and no texts or vectors held."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="needs kinfolk[train]: torch is not installed")

from hashing_model import HashingModel
from kinfolk.encoders import TextEncoder
from kinfolk.errors import ConfigurationError, RunError
from kinfolk.methods import embed_stream as module
from kinfolk.methods.embed_stream import embed_stream

TEXTS = [f"shoe {row % 7} of {row}" if row % 5 else "" for row in range(40)]


class Stopped(Exception):
    """What a kill is here."""


class DyingModel(HashingModel):
    """Dies at its n-th batch."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.left = batches

    def embed(self, inputs):
        self.left -= 1
        if self.left < 0:
            raise Stopped
        return super().embed(inputs)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TEXTS_PER_PART", 6)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(TEXTS), "utf-8")
    return path


def test_parquet_holds_the_vectors_and_the_rows(tmp_path: Path, corpus: Path) -> None:
    encoder = TextEncoder("hashing", HashingModel())
    written = embed_stream(corpus, tmp_path / "v.parquet", encoder=encoder)
    table = pq.read_table(tmp_path / "v.parquet")
    rows = [row for row, text in enumerate(TEXTS) if text]
    assert table.column("name").to_pylist() == [str(row + 1) for row in rows]
    vectors = table.column("vector").combine_chunks()
    np.testing.assert_allclose(
        vectors.flatten().to_numpy().reshape(len(rows), 16), encoder.encode([TEXTS[row] for row in rows]), atol=1e-6
    )
    assert (written.num, written.dim) == (32, 16)
    assert written.notes == ("8 rows hold no text; they were left out.",)
    assert pq.ParquetFile(tmp_path / "v.parquet").num_row_groups == 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt", "v.parquet"]


def test_npy_holds_the_same_vectors(tmp_path: Path, corpus: Path) -> None:
    encoder = TextEncoder("hashing", HashingModel())
    for name in ("v.npy", "v.parquet"):
        embed_stream(corpus, tmp_path / name, encoder=encoder)
    column = pq.read_table(tmp_path / "v.parquet").column("vector").combine_chunks()
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), column.flatten().to_numpy().reshape(32, 16))


@pytest.mark.parametrize("batches", [0, 1, 4])
@pytest.mark.parametrize("ending", [".parquet", ".npy"])
def test_a_killed_run_goes_on_and_writes_the_same_bytes(
    tmp_path: Path, corpus: Path, batches: int, ending: str
) -> None:
    undisturbed, output = tmp_path / f"undisturbed{ending}", tmp_path / f"v{ending}"
    whole = HashingModel()
    embed_stream(corpus, undisturbed, encoder=TextEncoder("hashing", whole))
    with pytest.raises(Stopped):
        embed_stream(corpus, output, encoder=TextEncoder("hashing", DyingModel(batches)))
    assert not output.exists()
    again, shares = HashingModel(), []
    embed_stream(corpus, output, encoder=TextEncoder("hashing", again), advance=shares.append)
    assert output.read_bytes() == undisturbed.read_bytes()
    assert len(again.embedded) == len(whole.embedded) - 6 * batches
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_parts_of_other_texts_or_of_another_model_are_not_taken(tmp_path: Path, corpus: Path) -> None:
    output = tmp_path / "v.parquet"
    with pytest.raises(Stopped):
        embed_stream(corpus, output, encoder=TextEncoder("hashing", DyingModel(3)))
    other = HashingModel(fingerprint="other")
    embed_stream(corpus, output, encoder=TextEncoder("hashing", other))
    assert len(other.embedded) == 32
    with pytest.raises(Stopped):
        embed_stream(corpus, output, encoder=TextEncoder("hashing", DyingModel(3)))
    corpus.write_text(corpus.read_text("utf-8") + "\nmore", "utf-8")
    again = HashingModel()
    embed_stream(corpus, output, encoder=TextEncoder("hashing", again))
    assert len(again.embedded) == 33
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt", "v.parquet"]


def test_a_broken_part_is_said(tmp_path: Path, corpus: Path) -> None:
    output = tmp_path / "v.parquet"
    with pytest.raises(Stopped):
        embed_stream(corpus, output, encoder=TextEncoder("hashing", DyingModel(2)))
    next(tmp_path.glob(".v.parquet.parts/*/*.parquet")).write_bytes(b"PAR1 and no more")
    with pytest.raises(RunError, match=r"Cannot read the vectors kept in .*Delete the file and run again"):
        embed_stream(corpus, output, encoder=TextEncoder("hashing", HashingModel()))


def test_the_texts_are_not_overwritten(corpus: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"must end in \.parquet or \.npy"):
        embed_stream(corpus, corpus, encoder=TextEncoder("hashing", HashingModel()))
