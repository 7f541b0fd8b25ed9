"""Delimited text: detected, read fast when clean and carefully when not, with nothing lost silently."""

import csv
import gzip
import io

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kinfolk.data.careful import EXTRA_COLUMN, read_carefully, split_records
from kinfolk.data.delimited import _read_cleanly, detect_delimiter, read_delimited
from kinfolk.data.encoding import decompress
from kinfolk.errors import ConfigurationError, DataError

DELIMITERS = [",", "\t", ";", "|", "^", "\x1f"]


def read(text, **options):
    return read_delimited(text.encode() if isinstance(text, str) else text, "t.csv", **options)


def columns(source):
    return source.table.to_pydict()


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_delimiter_is_detected(delimiter):
    rows = ["id,name,note".replace(",", delimiter)]
    rows += [f"{i},ann {i},12:30 a.m.".replace(",", delimiter) for i in range(5)]
    source = read("\n".join(rows))
    assert source.table.column_names == ["id", "name", "note"]
    assert columns(source)["note"] == ["12:30 a.m."] * 5
    assert source.notes == ()


def test_a_delimiter_within_quotes_or_text_does_not_mislead():
    assert detect_delimiter('a;b\n"x,y,z";1\n"p,q,r";2\n') == ";"
    assert detect_delimiter("title\tbody\none, two, three\tfour, five\nsix\tseven, eight\n") == "\t"
    assert detect_delimiter("name\nann\nbob\n") == ","


def test_a_given_delimiter_is_used_and_checked():
    assert columns(read("a,b;c\n1,2;3\n", delimiter=";")) == {"a,b": ["1,2"], "c": ["3"]}
    assert columns(read("a\tb\n1\t2\n", delimiter="tab")) == {"a": ["1"], "b": ["2"]}
    for wrong in ("", "::", '"', "\n"):
        with pytest.raises(ConfigurationError, match="delimiter must be one character"):
            read("a,b\n1,2\n", delimiter=wrong)


def test_everything_stays_text_and_empty_cells_are_missing():
    assert columns(read('id,n\n007,1.0\n,""\nNA,null\n')) == {"id": ["007", None, "NA"], "n": ["1.0", None, "null"]}


def test_quoted_cells_hold_delimiters_quotes_and_line_ends():
    source = read('id,note\n1,"a, ""b""\nc\r\nd"\n2,plain\n')
    assert columns(source) == {"id": ["1", "2"], "note": ['a, "b"\nc\r\nd', "plain"]}
    assert source.notes == ()


def test_a_quote_that_swallows_nothing():
    # to a lenient reader the first quote is closed by the second, and a record is gone
    source = read('id,a,b\n5,"Foo,x\n9,"Bar,y\n')
    assert columns(source) == {"id": ["5", "9"], "a": ['"Foo', '"Bar'], "b": ["x", "y"]}
    assert "2 lines have a quote that is not closed or not doubled (lines 2 and 3)" in source.notes[0]


def test_short_rows_are_filled_and_long_ones_kept():
    source = read("id,name\n1\n2,bob,x,y\n3,cat\n4,dan,\n")
    assert columns(source) == {
        "id": ["1", "2", "3", "4"],
        "name": [None, "bob", "cat", "dan"],
        EXTRA_COLUMN: [None, "x,y", None, None],
    }
    assert "1 row has fewer cells than the header (row 1)" in source.notes[0]
    assert "1 row has more cells than the header (row 2)" in source.notes[1]


def test_a_delimiter_at_every_line_end_is_no_column():
    source = read("id,name\n1,ann,\n2,bob,\n")
    assert columns(source) == {"id": ["1", "2"], "name": ["ann", "bob"]}


def test_row_names_without_a_heading():
    source = read("name,city\nr1,ann,rome\nr2,bob,bonn\n")
    assert columns(source) == {"column_1": ["r1", "r2"], "name": ["ann", "bob"], "city": ["rome", "bonn"]}
    assert "row name without a heading" in source.notes[0]


def test_a_repeated_header_is_left_out_on_both_paths():
    for tail in ("", '5,"x"y"\n'):
        source = read(f"id,name\n1,ann\nid,name\n2,bob\n{tail}")
        assert columns(source)["id"][:2] == ["1", "2"]
        assert any("the header stands again at row 2" in note for note in source.notes)


def test_a_last_line_that_breaks_off_is_said():
    assert "the file may be cut short" in read("id,name,city\n1,ann,rome\n2,b").notes[0]
    assert "cut short" not in read("id,name,city\n1,ann,rome\n2,b\n").notes[0]


def test_headers_are_trimmed_named_and_made_distinct():
    source = read(" id ,,a,a\n1,2,3,4\n")
    assert source.table.column_names == ["id", "column_2", "a", "a_2"]
    assert source.notes == (
        "t.csv: Columns without a name are called 'column_2' here, by their position.",
        "t.csv: Columns of the same name were renamed: 'a' at position 4 became 'a_2'.",
    )


def test_one_column_keeps_commas_and_blank_lines():
    source = read("title\nHello, world\n\nBye\n\n\n")
    assert columns(source) == {"title": ["Hello, world", None, "Bye"]}
    assert len(source.notes) == 2


def test_comment_lines_above_the_header():
    assert columns(read("# made by hand\n# 2024\nid,name\n1,ann\n")) == {"id": ["1"], "name": ["ann"]}
    assert columns(read("#id,name\n1,ann\n")) == {"#id": ["1"], "name": ["ann"]}


def test_blank_and_binary_files_are_refused():
    with pytest.raises(DataError, match=r"t.csv is empty: a header line"):
        read("\n\n")
    with pytest.raises(DataError, match="is not a table in text form"):
        read(bytes(range(1, 32)) * 10)
    with pytest.raises(DataError, match="is a web page"):
        read("<!DOCTYPE html>\n<html>")


def test_part_of_a_compressed_table_is_never_taken_for_the_whole():
    packed = gzip.compress(b"id,name\n" + b"1,ann\n" * 1000)
    assert decompress(packed, "t.csv.gz").count(b"\n") == 1001
    with pytest.raises(DataError, match=r"t.csv.gz is compressed and cannot be unpacked: it is cut short or damaged"):
        decompress(packed[:-10], "t.csv.gz")


def test_both_readers_agree_on_clean_files():
    text = 'id,name,note\n1,ann,"a, b"\n\n2,,"say ""x"""\r\n3,bob,"line\nend"\n'
    clean = _read_cleanly(text, None, ",")
    assert clean is not None
    assert clean.to_pydict() == read_carefully(text, ",", "t.csv").table.to_pydict()


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,x\ry\n",
        'a,b\n1,x"y\n',
        'a,b\n"1"x,2\n',
        "a,b\n1,2,3\n",
        "a,b\n1\n",
        'a,b\n1,"x\n',
        "a\n1\n",
        ",b\n1,2\n",
    ],
)
def test_the_fast_reader_leaves_what_is_not_clean(text):
    assert _read_cleanly(text, None, ",") is None


def test_cells_of_ten_megabytes():
    large = "x" * 10_000_000
    source = read(f'id,note\n1,"{large}"\n2,y\n')
    assert [len(v) for v in source.table["note"].to_pylist()] == [10_000_000, 1]


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=8)


@given(
    rows=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=6),
    delimiter=st.sampled_from(DELIMITERS),
)
@example(rows=[["", "", ""]], delimiter=",")
@example(rows=[["\r", '"', "\n"]], delimiter=",")
@example(rows=[["# x", "{", "["]], delimiter=";")
def test_what_python_writes_is_read_back(rows, delimiter):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([["id", "one", "two"], *rows])
    source = read(file.getvalue(), delimiter=delimiter)
    kept = [row for row in rows if row != ["id", "one", "two"]]
    assert source.table.column_names == ["id", "one", "two"]
    assert [list(row.values()) for row in source.table.to_pylist()] == [[v or None for v in row] for row in kept]


@given(
    rows=st.lists(st.tuples(st.integers(0, 99), st.text("abcäöüéñßXYZ ,;\"'", max_size=10)), min_size=1, max_size=8),
    delimiter=st.sampled_from([",", "\t", ";", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_delimiter_line_end_and_encoding_given_are_obeyed(rows, delimiter, encoding, end):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=end).writerows([["id", "name"], *rows])
    source = read(file.getvalue().encode(encoding), delimiter=delimiter, encoding=encoding)
    assert columns(source) == {"id": [str(i) for i, _ in rows], "name": [n or None for _, n in rows]}


@given(text=st.text('ab,"\n\r;', max_size=40), delimiter=st.sampled_from(",;"))
def test_no_character_is_lost_by_splitting(text, delimiter):
    kept = "".join(cell for record in split_records(text, delimiter) for cell in record)
    gone = {delimiter, '"', "\n", "\r"}
    assert [c for c in kept if c not in gone] == [c for c in text if c not in gone]


@given(text=st.text('ab,"\n', min_size=1, max_size=30))
def test_any_text_becomes_a_table_or_a_sentence(text):
    try:
        source = read(text)
    except DataError as error:
        assert "is empty" in str(error)  # noqa: PT017
        return
    assert isinstance(source.table, pa.Table)
    assert "".join(c for c in text if c in "ab").startswith(
        "".join(c for n in source.table.column_names[:1] for c in n if c in "ab" and not n.startswith("column_"))
    )
