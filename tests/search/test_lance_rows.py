"""Rows of an index on disk: each change is whole or not there, and another process's change is noticed."""

import multiprocessing
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pyarrow as pa
import pytest

from kinfolk.errors import DataError, RunError
from kinfolk.search.lance_rows import ROW, LanceRows, newest_version

pytest.importorskip("lancedb", reason="needs kinfolk[search]: lancedb is not installed")


def rows(*numbers: int) -> pa.Table:
    vectors = pa.FixedSizeListArray.from_arrays(
        pa.array([float(n) for n in numbers for _ in range(4)], pa.float32()), 4
    )
    return pa.table({ROW: pa.array(numbers, pa.int64()), "__vector": vectors, "year": [1900 + n for n in numbers]})


def numbers(store: LanceRows) -> list[int]:
    found: list[int] = store.read()[ROW].to_pylist()
    return found


def test_rows_are_read_as_they_were_written_in_their_order(tmp_path: Path) -> None:
    store = LanceRows.create(tmp_path, rows(0, 2, 1), about={"metric": "cosine"})
    store.append(rows(3, 4))
    store.remove([1, 3])
    store.replace(rows(2).set_column(2, "year", pa.array([1777])))
    opened = LanceRows.open(tmp_path)
    assert opened.about() == {"metric": "cosine"}
    assert opened.version == store.version == newest_version(tmp_path) == 4
    assert opened.read().equals(rows(0, 2, 4).set_column(2, "year", pa.array([1900, 1777, 1904])))
    store.tidy()
    assert numbers(LanceRows.open(tmp_path)) == [0, 2, 4]


def test_created_again_the_rows_are_others_and_the_version_goes_on(tmp_path: Path) -> None:
    first = LanceRows.create(tmp_path, rows(0, 1), about={})
    again = LanceRows.create(tmp_path, rows(7), about={"metric": "ip"})
    assert again.version > first.version
    assert LanceRows.open(tmp_path).about() == {"metric": "ip"}
    assert numbers(LanceRows.open(tmp_path)) == [7]


def test_a_change_by_another_is_noticed(tmp_path: Path) -> None:
    first = LanceRows.create(tmp_path, rows(0, 1), about={})
    LanceRows.open(tmp_path).append(rows(2))
    with pytest.raises(RunError, match=r"was changed by another process: version 2 is there, this one knows 1\. Open"):
        first.append(rows(3))
    assert numbers(LanceRows.open(tmp_path)) == [0, 1, 2]


def test_of_two_writers_at_the_same_moment_one_waits_and_is_refused(tmp_path: Path) -> None:
    """LanceDB takes both additions, and then two rows have the same number."""
    LanceRows.create(tmp_path, rows(0), about={})
    both = [LanceRows.open(tmp_path) for _ in range(2)]
    together = Barrier(2)

    def add(store: LanceRows) -> bool:
        together.wait()
        try:
            store.append(rows(1))
        except RunError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(add, both)) == [False, True]
    assert numbers(LanceRows.open(tmp_path)) == [0, 1]


def test_what_is_no_index_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no index"):
        LanceRows.open(tmp_path)
    LanceRows.create(tmp_path, rows(0), about={})
    for file in (tmp_path / "rows.lance" / "data").iterdir():
        file.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"The rows of the index in .* cannot be read"):
        LanceRows.open(tmp_path).read()


def add_one_by_one(folder: Path, told: "multiprocessing.connection.Connection") -> None:
    store = LanceRows.open(folder)
    for number in range(1, 1000):
        store.append(rows(number))
        told.send(number)


@pytest.mark.slow  # each process loads LanceDB anew
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    LanceRows.create(tmp_path, rows(0), about={})
    context = multiprocessing.get_context("spawn")
    known, telling = context.Pipe(duplex=False)
    process = context.Process(target=add_one_by_one, args=(tmp_path, telling))
    process.start()
    telling.close()
    assert known.poll(120)
    time.sleep(0.05)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    last = 0
    try:
        while True:
            last = known.recv()
    except EOFError:
        pass
    found = numbers(LanceRows.open(tmp_path))
    assert found in (list(range(last + 1)), list(range(last + 2)))  # one may be written and not yet told
