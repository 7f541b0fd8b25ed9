"""Texts to learn from, of lines and of tables."""

import gzip

import pytest

from kinfolk.data.texts import read_texts
from kinfolk.errors import ConfigurationError, DataError


def test_lines_are_texts_and_blank_ones_are_left_out(tmp_path):
    place = tmp_path / "corpus.txt"
    place.write_bytes("first\r\n\r\n  \r\nzweite Zeile\u0085 geht weiter\r\n".encode())
    texts = read_texts(place)
    assert texts.texts == ("first", "zweite Zeile\u0085 geht weiter")
    assert texts.rows.tolist() == [0, 3]
    assert texts.notes == ("2 rows hold no text; they were left out.",)
    packed = tmp_path / "corpus.txt.gz"
    packed.write_bytes(gzip.compress(place.read_bytes()))
    assert read_texts(packed).texts == texts.texts
    assert read_texts(["a", "", "b"]).texts == ("a", "b")


def test_columns_of_a_table_belong_together_and_labels_are_numbered():
    table = {"q": ["one", "two", "", "four"], "a": ["eins", "", "drei", "vier"], "kind": ["x", "y", "x", "y"]}
    texts = read_texts(table, column="q", positive="a", label="kind")
    assert texts.columns == (("one", "two", "four"), ("eins", "", "vier"))
    assert texts.label_names == ("x", "y")
    assert texts.labels.tolist() == [0, 1, 1]
    whole = texts.complete()
    assert whole.columns == (("one", "four"), ("eins", "vier"))
    assert whole.rows.tolist() == [0, 3]
    assert "1 items lack one of their 2 texts" in whole.notes[-1]


def test_groups_may_be_empty_and_corpora_are_numbered():
    table = {"t": ["one", "", "three", "four"], "thing": ["x", "y", "", "x"], "language": ["en", "de", "fr", "de"]}
    texts = read_texts(table, column="t", group="thing", corpus="language")
    assert texts.groups.tolist() == [0, -1, 0]
    assert texts.corpus_names == ("de", "en", "fr")
    assert texts.corpora.tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("source", "options", "error", "said"),
    [
        (["", " "], {}, DataError, "There is no text in the 2 rows"),
        (["a"], {"label": "kind"}, ConfigurationError, "label name columns of a table, and the data are lines"),
        ({"a": ["x y"], "b": ["z w"]}, {}, ConfigurationError, "say which column holds the texts"),
        ({"a": ["x"], "b": ["z"]}, {"column": "c"}, ConfigurationError, "c"),
        ({"a": ["x"], "b": ["z"]}, {"column": "a", "negative": "b"}, ConfigurationError, "negative needs positive"),
        ({"a": ["x", "y"], "k": ["z", ""]}, {"column": "a", "label": "k"}, DataError, "column k, row 2: a label is needed"),
        ({"a": ["x", "y"], "k": ["", "z"]}, {"column": "a", "corpus": "k"}, DataError, "column k, row 1: a corpus is needed"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(source, options, error, said):
    with pytest.raises(error, match=said):
        read_texts(source, **options)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(DataError, match=r"none\.txt cannot be read"):
        read_texts(tmp_path / "none.txt")
