"""What each column is taken for, in a line."""

from kinfolk.data import read_records
from kinfolk.data.overview import name_roles

PERSONS = [{"id": "1", "name": "Ada Lovelace", "age": 36}, {"id": "2", "name": "Mary Somerville", "age": 91}]


def test_tables_that_are_alike_are_said_once() -> None:
    one, other = read_records(PERSONS), read_records(PERSONS[::-1])
    assert name_roles(one) == name_roles(one, other) == "id (id), name (text), age (number)"


def test_tables_that_differ_are_said_by_name() -> None:
    persons = read_records(PERSONS, name="persons")
    books = read_records([{"id": "7", "title": "Mechanism of the Heavens"}], name="books", text=["title"])
    assert name_roles(persons, books) == "persons: id (id), name (text), age (number); books: id (id), title (text)"
