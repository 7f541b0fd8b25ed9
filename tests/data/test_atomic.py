"""Result files are whole or absent."""

import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kinfolk.data import atomic_write, read_table, write_table
from kinfolk.errors import ConfigurationError, DataError


def test_the_file_appears_only_at_the_end(tmp_path):
    path = tmp_path / "new" / "a.txt"
    with atomic_write(path) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == path.parent
        assert temporary.suffix == ".txt"
        assert not path.exists()
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with atomic_write(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_of_the_block_is_not_dressed_up_as_one_of_writing(tmp_path):
    def fail():
        with atomic_write(tmp_path / "a.txt"):
            (tmp_path / "absent").read_text()

    with pytest.raises(FileNotFoundError):
        fail()


def test_places_that_cannot_be_written_to_are_named(tmp_path):
    (tmp_path / "file").write_text("x")
    for path, reason in ((tmp_path / "file" / "a.csv", "folder cannot be made"), (tmp_path, "is a folder")):
        with pytest.raises(DataError, match=reason), atomic_write(path) as temporary:
            temporary.write_text("x")


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".tsv", ".jsonl"])
def test_tables_come_back(tmp_path, suffix):
    table = pa.table(
        {"id": ["007", "a,b", 'say "x"', None], "probability": [0.5, 1.0, 0.25, None], "n": [1, 2, 3, None]}
    )
    write_table(table, tmp_path / f"t{suffix}")
    again = read_table(tmp_path / f"t{suffix}")
    assert again.column_names == table.column_names
    assert again["id"].to_pylist() == table["id"].to_pylist()
    assert [None if v is None else float(v) for v in again["probability"].to_pylist()] == [0.5, 1.0, 0.25, None]
    if suffix == ".parquet":
        assert again.schema == table.schema


def test_csv_quotes_only_what_needs_it(tmp_path):
    write_table(pa.table({"id": ["007", "a,b"], "p": pa.array([0.1, 0.5], pa.float32())}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == 'id,p\n007,0.1\n"a,b",0.5\n'


def test_other_endings_are_refused_with_the_known_ones():
    for action in (read_table, lambda path: write_table(pa.table({"a": [1]}), path)):
        with pytest.raises(ConfigurationError, match=r"must end in .parquet, .csv, .tsv or .jsonl. Got 'links.xls'"):
            action("links.xls")


@given(
    rows=st.lists(st.tuples(st.text(), st.text(min_size=1)), min_size=1),
    suffix=st.sampled_from([".csv", ".tsv", ".jsonl"]),
)
@example(rows=[("\x1d", "\x08\x1d")] * 30, suffix=".csv")  # not to be taken for binary data
def test_any_text_comes_back(tmp_path_factory, rows, suffix):
    clean = [tuple(v.replace("\0", "").encode("utf-8", "replace").decode() or "x" for v in row) for row in rows]
    table = pa.table({"first column": [a for a, _ in clean], "second": [b for _, b in clean]})
    path = tmp_path_factory.mktemp("t") / f"t{suffix}"
    write_table(table, path)
    again = read_table(path)
    if suffix != ".jsonl" and ("first column", "second") in clean:
        return  # a row that repeats the header is taken for one
    assert again["first column"].to_pylist() == [a for a, _ in clean]
    assert again["second"].to_pylist() == [b for _, b in clean]


def test_what_a_killed_writer_left_is_cleared_by_the_next_and_a_living_one_is_not_disturbed(tmp_path):
    script = (
        "import os, signal, sys\n"
        "from kinfolk.data.atomic import atomic_write\n"
        "with atomic_write(sys.argv[1]) as aside:\n"
        "    aside.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    target = tmp_path / "links [1].csv"
    subprocess.run([sys.executable, "-c", script, target], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    with atomic_write(target) as first:
        assert list(tmp_path.iterdir()) == [first]
        with atomic_write(target) as second:
            second.write_text("second")
        first.write_text("first")
    assert [path.name for path in tmp_path.iterdir()] == ["links [1].csv"]
    assert target.read_text() == "first"
