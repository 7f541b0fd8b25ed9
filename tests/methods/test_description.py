import pytest

from kinfolk.errors import DataError, MissingExtraError
from kinfolk.methods.description import read_description, reading_model, write_description


def test_what_is_said_is_read_back(tmp_path):
    write_description({"method": "simcse", "seed": 3}, tmp_path / "about.json", kind="texts")
    assert read_description(tmp_path / "about.json", kind="texts") == {"method": "simcse", "seed": 3}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (None, "holds no model of records: there is no about.json. Give the folder that a training of records wrote"),
        ("{", "does not hold a model of records that can be read"),
        ("[]", "does not hold a model of records that can be read"),
        ('{"kinfolk_text_model": 1}', "does not hold a model of records that can be read"),
        ('{"kinfolk_record_model": 0}', r"can be read \(another format\)"),
    ],
)
def test_a_folder_that_is_no_such_model_is_one_sentence(written, message, tmp_path):
    if written is not None:
        (tmp_path / "about.json").write_text(written)
    with pytest.raises(DataError, match=message), reading_model(tmp_path, kind="records"):
        read_description(tmp_path / "about.json", kind="records")


def test_what_was_said_already_is_passed_on(tmp_path):
    with pytest.raises(MissingExtraError, match="text"), reading_model(tmp_path, kind="texts"):
        raise MissingExtraError("A tower", "text")
