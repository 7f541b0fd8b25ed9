"""Records from every kind of source, with roles that the user can override."""

import bz2
import gzip
import json
import lzma
import os
import sqlite3
import threading
from datetime import date, datetime

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from kinfolk.data import Records, read_records
from kinfolk.errors import ConfigurationError, DataError

TEXT = "id,name,price\n01,ann,1.50\n02,bob,2\n"
TABLE = pa.table({"id": ["01", "02"], "name": ["ann", "bob"], "price": ["1.50", "2"]})


def write(folder, name, data):
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("t.csv", bytes),
        ("t.txt", bytes),
        ("t", bytes),
        ("t.csv.gz", gzip.compress),
        ("t.csv.bz2", bz2.compress),
        ("t.csv.xz", lzma.compress),
        ("t.csv.zst", lambda data: pa.compress(data, codec="zstd", asbytes=True)),
        ("named-wrongly.csv", gzip.compress),
    ],
)
def test_text_files_also_compressed(tmp_path, name, pack):
    records = read_records(write(tmp_path, name, pack(TEXT.encode())))
    assert records.table == TABLE
    assert records.name == name
    assert dict(records.roles) == {"id": "id", "name": "text", "price": "number"}
    assert records.notes == ()


def test_a_path_may_be_a_string_and_a_pipe(tmp_path):
    assert read_records(str(write(tmp_path, "t.csv", TEXT))).table == TABLE
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(TEXT,))
    writer.start()
    assert read_records(pipe).table == TABLE
    writer.join()


def test_json_lines(tmp_path):
    lines = '{"id": 1, "name": "ann", "tags": ["a", {"b": 1}]}\n\n{"name": "bob", "id": 2.5, "more": true}\n'
    records = read_records(write(tmp_path, "t.jsonl", lines))
    assert records.table.to_pydict() == {
        "id": [1.0, 2.5],
        "name": ["ann", "bob"],
        "tags": ['["a", {"b": 1}]', None],
        "more": [None, True],
    }
    assert records.notes == ("t.jsonl: column 'tags' holds nested values, which are kept as JSON text.",)
    for name, content in {
        "t.jsonl.gz": gzip.compress(lines.encode()),
        "list.json": json.dumps([json.loads(line) for line in lines.splitlines() if line]),
        "mislabeled.csv": lines,
    }.items():
        assert read_records(write(tmp_path, name, content)).table == records.table


def test_json_errors_name_the_line(tmp_path):
    with pytest.raises(DataError, match=r"t.jsonl line 2: a JSON object is needed, but the line cannot be read"):
        read_records(write(tmp_path, "t.jsonl", '{"id": 1}\n{"id": \n'))
    with pytest.raises(DataError, match=r'line 1: a JSON object such as {"id": 1} is needed. Got 3.'):
        read_records(write(tmp_path, "t.jsonl", "3\n"))


def test_parquet_and_arrow_keep_their_types(tmp_path):
    table = pa.table({"id": [1, 2], "born": [date(2001, 4, 3), None], "kind": pa.array(["a", "b"]).dictionary_encode()})
    pq.write_table(table, tmp_path / "t.parquet")
    feather.write_feather(table, tmp_path / "t.arrow")
    write(tmp_path, "t.parquet.gz", gzip.compress((tmp_path / "t.parquet").read_bytes()))
    for name in ("t.parquet", "t.arrow", "t.parquet.gz"):
        records = read_records(tmp_path / name)
        assert records.table.schema.types == [pa.int64(), pa.date32(), pa.string()]
        assert records.dates("born")[0] == 11415
        assert records.roles["born"] == "date"


def test_workbooks(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "notes"
    sheet = book.create_sheet("people")
    for row in [["id", "name", "price", "born"], [1, "ann", 2.5, datetime(2001, 4, 3)], [2, 7, "n/a", None]]:
        sheet.append(row)
    book.create_sheet("other").append(["x"])
    book.save(tmp_path / "t.xlsx")
    records = read_records(tmp_path / "t.xlsx")
    assert records.table.to_pydict() == {
        "id": [1, 2],
        "name": ["ann", "7"],
        "price": ["2.5", "n/a"],
        "born": [date(2001, 4, 3), None],
    }
    assert records.notes[0] == "t.xlsx: the sheet 'people' of 3 was read. Give sheet= to choose another."
    assert read_records(tmp_path / "t.xlsx", sheet="people").table == records.table
    assert read_records(tmp_path / "t.xlsx", sheet=2).table == records.table
    assert read_records(tmp_path / "t.xlsx", sheet="2").table == records.table
    with pytest.raises(
        ConfigurationError, match=r"t.xlsx has no sheet 'poeple'. Its sheets, from 1: notes, people, other."
    ):
        read_records(tmp_path / "t.xlsx", sheet="poeple")
    with pytest.raises(ConfigurationError, match="sheet= is for workbooks"):
        read_records(write(tmp_path, "t.csv", TEXT), sheet="people")


def test_a_query(tmp_path):
    path = write(tmp_path, "t.csv", TEXT)
    records = read_records(f"SELECT id, upper(name) AS name FROM read_csv('{path}', all_varchar=true) ORDER BY id")
    assert records.table.to_pydict() == {"id": ["01", "02"], "name": ["ANN", "BOB"]}
    assert records.name == "query"
    with pytest.raises(DataError, match=r"The query cannot be run: .*Query: SELECT nonsense"):
        read_records("SELECT nonsense")


def test_databases(tmp_path):
    connection = sqlite3.connect(tmp_path / "t.sqlite")
    connection.executescript("CREATE TABLE people (id, name); INSERT INTO people VALUES (1, 'ann'), (2, 'bob');")
    connection.close()
    import duckdb

    with duckdb.connect(str(tmp_path / "t.duckdb")) as connection:
        connection.execute("CREATE TABLE people AS SELECT * FROM (VALUES (1, 'ann'), (2, 'bob')) AS v(id, name)")
    for name in ("t.sqlite", "t.duckdb"):
        assert read_records(tmp_path / name).table.to_pydict() == {"id": [1, 2], "name": ["ann", "bob"]}
        assert read_records(tmp_path / name, query="SELECT name FROM people WHERE id = 2").texts("name") == ["bob"]
        with pytest.raises(DataError, match=f"{name} cannot be read"):
            read_records(tmp_path / name, query="SELECT * FROM nothing_here")
        with pytest.raises(DataError, match=name):
            read_records(tmp_path / name, query="DROP TABLE people")
        assert len(read_records(tmp_path / name)) == 2
    with pytest.raises(ConfigurationError, match="query= is for DuckDB and SQLite files; t.csv is neither"):
        read_records(write(tmp_path, "t.csv", TEXT), query="SELECT 1")


def test_dicts():
    expected = {"id": ["01", "02"], "name": ["ann", None]}
    assert read_records([{"id": "01", "name": "ann"}, {"id": "02"}]).table.to_pydict() == expected
    assert read_records({"id": ["01", "02"], "name": ("ann", None)}).table.to_pydict() == expected
    assert read_records({"id": (c for c in ["01", "02"]), "name": ["ann", None]}).name == "records"
    with pytest.raises(DataError, match=r"must have the same number of values. Got 'id' 2, 'name' 1."):
        read_records({"id": [1, 2], "name": ["ann"]})
    with pytest.raises(DataError, match="element 2: a dict"):
        read_records([{"id": 1}, 3])
    with pytest.raises(DataError, match="column 'id': a list of values is needed. Got str"):
        read_records({"id": "abc"})
    with pytest.raises(DataError, match=r"A table is needed: .* Got int\."):
        read_records(3)


def test_arrow_tables_batches_and_streams():
    assert read_records(TABLE).table == TABLE
    assert read_records(TABLE.to_batches()[0]).table == TABLE
    assert read_records(TABLE.to_reader()).table == TABLE
    twice = pa.Table.from_arrays([pa.array(["1"]), pa.array(["x"])], names=["a", "a"])
    assert read_records(twice).table.column_names == ["a", "a_2"]


def test_polars():
    import polars

    frame = polars.DataFrame(
        {"id": ["01", "02"], "name": ["ann", None], "kind": ["a", "b"], "born": [date(2001, 4, 3), None]}
    )
    frame = frame.with_columns(kind=polars.col("kind").cast(polars.Categorical))
    for source in (frame, frame.lazy()):
        records = read_records(source)
        assert records.texts("name") == ["ann", ""]
        assert records.texts("kind") == ["a", "b"]
        assert records.texts("born") == ["2001-04-03", ""]
        assert records.ids.to_pylist() == ["01", "02"]


def test_pandas():
    import pandas

    frame = pandas.DataFrame(
        {"id": ["01", "02"], "n": [1, None], "mixed": ["a", 2], "when": pandas.to_datetime(["2001-04-03", None])}
    )
    records = read_records(frame)
    assert records.ids.to_pylist() == ["01", "02"]
    assert records.texts("n") == ["1", ""]
    assert records.texts("mixed") == ["a", "2"]
    assert records.texts("when") == ["2001-04-03", ""]
    assert records.notes == ("records: column 'mixed' mixes numbers and text; all are kept as text.",)


def test_a_named_or_textual_pandas_index_is_a_column_and_a_number_is_not():
    import pandas

    frame = pandas.DataFrame({"name": ["ann", "bob"]}, index=pandas.Index(["r1", "r2"], name="rec_id"))
    records = read_records(frame)
    assert (records.id_column, records.ids.to_pylist()) == ("rec_id", ["r1", "r2"])
    assert read_records(frame.rename_axis(None)).id_column == "index"
    assert read_records(frame.reset_index(drop=True)).table.column_names == ["name"]
    assert read_records(pandas.DataFrame({"name": ["ann", "bob"]}, index=[7, 3])).table.column_names == ["name"]


def test_the_user_decides_roles():
    records = read_records(TABLE, id="name", text="price", ignore=["id"], name="mine")
    assert dict(records.roles) == {"id": "ignore", "name": "id", "price": "text"}
    assert records.name == "mine"
    assert dict(read_records(TABLE, id="name").roles) == {"id": "ignore", "name": "id", "price": "number"}
    again = read_records(records, number=["price"])
    assert isinstance(again, Records)
    assert (again.roles["price"], again.roles["name"], again.name) == ("number", "id", "mine")


def test_wrong_roles_are_refused():
    with pytest.raises(
        ConfigurationError, match=r"records has no column 'prise'. Did you mean 'price'\? Its columns: id, name, price."
    ):
        read_records(TABLE, number="prise")
    with pytest.raises(
        ConfigurationError, match="Column 'price' can have one role, but is named for both text and number"
    ):
        read_records(TABLE, text=["price"], number=["price"])


def test_without_an_id_the_row_number_is_and_the_user_is_told():
    records = read_records({"name": ["ann", "bob"], "city": ["rome", "bonn"]})
    assert records.ids.to_pylist() == [1, 2]
    assert records.notes == (
        "records: no column looks like an id, so records are named by their row number, from 1. Name one with id.",
    )


def test_values_worth_knowing_about_are_said():
    rows = [{"id": i, "price": "1.50", "born": f"{i % 12 + 1}/{i % 12 + 1}/2001", "city": "rome"} for i in range(20)]
    rows[3] |= {"price": "call us"}
    rows[4] |= {"born": "3/4/2001", "city": "NULL"}
    rows[5] |= {"born": "soon"}
    assert read_records(rows).notes == (
        "records column 'price': 1 value is no finite number ('call us', row 4), taken as missing.",
        "records column 'born': 1 value is no date ('soon', row 6), taken as missing.",
        "records column 'born': nothing tells whether 3/4 is the third of April or the fourth of March; "
        "dates are read month first. Write dates as 2001-04-03 to be sure.",
        "records column 'city': 1 cell says 'NULL', which counts as missing.",
    )


def test_missing_files_folders_and_other_kinds(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        read_records(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="is a folder; the name of a file"):
        read_records(tmp_path)
    with pytest.raises(DataError, match="is a PDF document, not a table"):
        read_records(write(tmp_path, "t.csv", b"%PDF-1.7\n"))


def test_importing_the_reader_loads_no_heavy_library():
    import subprocess
    import sys

    code = "import sys, kinfolk.data; print(sorted({'pandas', 'polars', 'duckdb', 'torch', 'sklearn', 'narwhals'} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
