import pytest

from kinfolk.data import read_records
from kinfolk.encoders import record_texts
from kinfolk.errors import ConfigurationError


@pytest.fixture
def records():
    return read_records(
        {
            "id": ["1", "2", "3"],
            "name": ["Sony turntable", None, " "],
            "maker": ["Sony", "Bose", ""],
            "price": [1999.0, None, None],
        },
        id="id",
        text=("name", "maker"),
        number=("price",),
    )


def test_values_in_the_order_asked_for_and_missing_ones_skipped(records):
    assert record_texts(records, ["maker", "name"]) == ["Sony | Sony turntable", "Bose", ""]


def test_numbers_read_as_a_person_writes_them(records):
    assert record_texts(records, ["name", "price"]) == ["Sony turntable | 1999", "", ""]


def test_no_fields_say_nothing(records):
    assert record_texts(records, []) == ["", "", ""]


def test_an_unknown_field_is_named(records):
    with pytest.raises(ConfigurationError, match="titel"):
        record_texts(records, ["titel"])
