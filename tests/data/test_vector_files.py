"""Files of vectors: what is there is read as numbers, and what is no table of numbers is refused in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kinfolk.data.vector_files import read_vectors
from kinfolk.errors import DataError


@pytest.mark.parametrize(
    "column",
    [
        pa.array([[1, 2], [3, 4]]),
        pa.array([[1.0, 2.0], [3.0, 4.0]], pa.large_list(pa.float64())),
        pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32(), 2)),
        pa.array([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32(), 2)).slice(1),
    ],
)
def test_lists_of_numbers_of_every_kind_are_read(tmp_path: Path, column: pa.Array) -> None:
    pq.write_table(pa.table({"vector": column, "name": ["a", "b"]}), tmp_path / "v.parquet")
    vectors, beside = read_vectors(tmp_path / "v.parquet")
    np.testing.assert_array_equal(vectors, np.array([[1, 2], [3, 4]], np.float32), strict=True)
    assert beside.column_names == ["name"]


def test_a_file_of_no_rows_has_its_width(tmp_path: Path) -> None:
    pq.write_table(pa.table({"vector": pa.array([], pa.list_(pa.float32(), 4))}), tmp_path / "v.parquet")
    np.save(tmp_path / "v.npy", np.empty((0, 4)))
    assert [read_vectors(tmp_path / name)[0].shape for name in ("v.parquet", "v.npy")] == [(0, 4), (0, 4)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "does not begin as a file of numpy"),
        (b"PK\x03\x04 the beginning of a zip file", "does not begin as a file of numpy"),
        (np.ones(3), r"shape \(3,\)"),
        (np.array(1.0), r"shape \(\)"),
        (np.ones((2, 2), complex), "complex128"),
        (np.zeros((2, 2), "M8[s]"), "datetime64"),
        (np.array([["a"]]), "<U1"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(tmp_path: Path, content: bytes | np.ndarray, said: str) -> None:
    path = tmp_path / "v.npy"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content)
    with pytest.raises(DataError, match=said):
        read_vectors(path)
