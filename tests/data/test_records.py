"""Records: roles checked, values as a person would write them, selections that read the same."""

import pickle
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pytest

from kinfolk.data import Records, read_records
from kinfolk.errors import ConfigurationError, DataError


def make(**columns):
    return Records(pa.table(columns), dict.fromkeys(columns, "text"))


def test_every_column_needs_one_role():
    table = pa.table({"id": [1], "name": ["a"]})
    with pytest.raises(ConfigurationError, match="every column needs a role, but 'name' has none"):
        Records(table, {"id": "id"})
    with pytest.raises(ConfigurationError, match=r"has no column 'nmae'. Did you mean 'name'\?"):
        Records(table, {"id": "id", "name": "text", "nmae": "text"})
    with pytest.raises(ConfigurationError, match="role of column 'name' must be one of id, text"):
        Records(table, {"id": "id", "name": "string"})
    with pytest.raises(ConfigurationError, match="one column can be the id"):
        Records(table, {"id": "id", "name": "id"})
    with pytest.raises(DataError, match="'a' occurs more than once"):
        Records(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), {"a": "text"})


def test_fields_are_in_table_order():
    records = Records(pa.table({"b": ["x"], "a": ["y"], "n": [1]}), {"n": "number", "a": "text", "b": "text"})
    assert records.fields("text") == ("b", "a")
    assert records.fields("number", "text") == ("b", "a", "n")
    assert records.fields("date") == ()
    with pytest.raises(ConfigurationError, match="must be one of"):
        records.fields("strings")


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (["a", " b ", "", None, "NULL", "Null", "nan"], ["a", "b", "", "", "", "Null", ""]),
        ([1999.0, 0.1, None, float("nan"), -2.0, 1e20], ["1999", "0.1", "", "", "-2", "1e+20"]),
        ([1, None, -5], ["1", "", "-5"]),
        ([True, False, None], ["true", "false", ""]),
        ([date(2001, 4, 3), None], ["2001-04-03", ""]),
        ([datetime(2001, 4, 3), datetime(2001, 4, 3, 10, 20)], ["2001-04-03", "2001-04-03 10:20:00"]),
        ([["a", "é"], None], ['["a", "é"]', ""]),
        ([b"abc", None], ["(3 bytes)", ""]),
    ],
)
def test_texts_are_what_a_person_would_write(values, texts):
    assert make(a=values).texts("a") == texts


def test_narrow_floats_show_their_own_digits():
    assert make(a=pa.array([0.1, 2.5], pa.float32())).texts("a") == ["0.1", "2.5"]


def test_whole_numbers_in_a_text_column_of_numbers_lose_their_point_zero():
    records = Records(pa.table({"year": ["2002.0", "x.0"]}), {"year": "number"})
    assert records.texts("year") == ["2002", "x.0"]
    assert records.with_roles({"year": "text"}).texts("year") == ["2002.0", "x.0"]


def test_a_misspelt_column_is_named_with_the_closest():
    with pytest.raises(
        ConfigurationError, match=r"records has no column 'Titel'. Did you mean 'title'\? Its columns: title."
    ):
        make(title=["x"]).texts("Titel")


def test_without_an_id_column_ids_are_row_numbers_that_survive_selection():
    records = make(a=["x", "y", "z", "w"])
    assert records.ids.to_pylist() == [1, 2, 3, 4]
    assert records.take([2, 0]).ids.to_pylist() == [3, 1]
    assert records.take(slice(1, 3)).take([1]).ids.to_pylist() == [3]
    assert records.ids.type == pa.int64()


def test_ids_are_kept_as_given():
    ids = ["007", "7", None, "7"]
    records = read_records({"id": ids, "name": list("abcd")})
    assert records.ids.to_pylist() == ids
    assert records.take([3, 0]).ids.to_pylist() == ["7", "007"]
    chunked = Records(pa.table({"id": pa.chunked_array([[1], [2, 3]])}), {"id": "id"})
    assert chunked.ids.to_pylist() == [1, 2, 3]
    assert Records(chunked.table.slice(0, 0), {"id": "id"}).ids.to_pylist() == []


def test_missing_and_duplicated_ids_are_said():
    records = read_records({"id": ["7", "8", None, "7"], "name": list("abcd")}, name="left.csv")
    assert any("1 of 4 records without an id" in note and "row 3" in note for note in records.notes)
    assert any("2 records share their id" in note and "'7'; rows 1 and 4" in note for note in records.notes)


def test_a_selection_reads_ambiguous_values_as_the_whole_column_does():
    records = read_records(
        {"id": [1, 2, 3], "born": ["3/4/2001", "13/4/2001", "14/4/2001"], "price": ["1.299", "12,50", "3,75"]}
    )
    assert records.roles["born"] == "date"
    first = records.take([0])
    assert first.dates("born")[0] == records.dates("born")[0] == (date(2001, 4, 3) - date(1970, 1, 1)).days
    assert first.numbers("price")[0] == records.numbers("price")[0] == 1299


def test_take_checks_its_rows():
    records = make(a=["x", "y"])
    assert len(records.take([])) == 0
    assert records.take(np.array([1, 1])).texts("a") == ["y", "y"]
    assert records.take(slice(None, None, -1)).texts("a") == ["y", "x"]
    for rows in ([2], [-1], [[0]]):
        with pytest.raises(ConfigurationError, match="rows must be"):
            records.take(rows)


def test_with_roles_leaves_the_old_id_out_of_comparisons():
    records = read_records({"id": ["1", "2"], "doi": ["a", "b"], "name": ["x", "y"]})
    changed = records.with_roles({"doi": "id"})
    assert (changed.id_column, changed.roles["id"]) == ("doi", "ignore")
    assert records.id_column == "id"
    with pytest.raises(ConfigurationError, match="has no column 'dio'"):
        records.with_roles({"dio": "id"})


def test_a_column_that_becomes_a_date_gets_its_order_decided():
    records = read_records({"id": [1, 2], "note": ["13.4.2001", "3.4.2001"]}, text="note")
    assert records.conventions == {}
    assert records.with_roles({"note": "date"}).conventions == {"note": "day first"}


class TestFingerprint:
    table = pa.table({"id": [1, 2, 3], "a": ["x", None, "zz"], "b": [1.5, None, 3.0], "c": [[1], None, [2, 3]]})
    roles = {"id": "id", "a": "text", "b": "number", "c": "text"}  # noqa: RUF012

    def records(self, **changes):
        return Records(changes.get("table", self.table), changes.get("roles", self.roles))

    def test_chunks_and_slices_do_not_count(self):
        padded = pa.concat_tables([self.table.slice(2), self.table, self.table.slice(0, 1)])
        assert self.records(table=padded.slice(1, 3)).fingerprint() == self.records().fingerprint()
        assert self.records().take([0, 1, 2]).fingerprint() == self.records().fingerprint()

    def test_name_and_notes_do_not_count(self):
        assert Records(self.table, self.roles, "x", ("note",)).fingerprint() == self.records().fingerprint()

    def test_it_is_the_same_in_every_process(self):
        assert self.records().fingerprint() == "a6c504743bf21fa5d366fd276a3b4107"

    @pytest.mark.parametrize(
        "change",
        [
            {"table": table.take([0, 2, 1])},
            {"table": table.slice(0, 2)},
            {"table": table.set_column(1, "a", pa.array(["x", "", "zz"]))},
            {"table": table.set_column(1, "a", pa.array(["xz", None, "z"]))},
            {"table": table.set_column(2, "b", pa.array([1.5, 0.0, 3.0]))},
            {"table": table.set_column(2, "b", pa.array([1, None, 3]))},
            {"table": table.set_column(3, "c", pa.array([[1], None, [2, 4]]))},
            {"roles": {**roles, "a": "category"}},
        ],
    )
    def test_values_order_and_roles_count(self, change):
        assert self.records(**change).fingerprint() != self.records().fingerprint()

    def test_row_numbers_are_ids(self):
        records = make(a=["x", "x"])
        assert records.take([0]).fingerprint() != records.take([1]).fingerprint()


def test_records_can_be_sent_to_another_process():
    records = read_records({"id": [1, 2], "born": ["2001-04-03", "2001-04-04"]}, name="people")
    again = pickle.loads(pickle.dumps(records))
    assert (again.fingerprint(), again.name, again.notes) == (records.fingerprint(), "people", records.notes)


def test_the_representation_fits_a_terminal():
    assert (
        repr(read_records({"id": [1], "name": ["a"]}, name="x.csv")) == "Records('x.csv', 1 rows, id: id, name: text)"
    )
