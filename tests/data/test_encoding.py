"""Encodings are told apart by what they make of the text."""

import pytest

from kinfolk.data.encoding import decode
from kinfolk.errors import ConfigurationError, DataError

GERMAN = "id,name\n" + "".join(f"{i},{n}\n" for i, n in enumerate(["Jürgen Groß", "Käthe Müller", "Björn Öhlund"] * 3))
FRENCH = "id,name\n" + "".join(
    f"{i},{n}\n" for i, n in enumerate(["Hélène Lefèvre", "François Noël", "l’été à Sète"] * 3)
)
PORTUGUESE = "id,name\n" + "".join(f"{i},{n}\n" for i, n in enumerate(["João São Tomé", "Conceição", "Açores"] * 3))
POLISH = "id,name\n" + "".join(f"{i},{n}\n" for i, n in enumerate(["Łódź", "Wałęsa", "Zażółć gęślą jaźń"] * 3))
CZECH = "id,name\n" + "".join(f"{i},{n}\n" for i, n in enumerate(["Dvořák", "Žižka", "Příliš žluťoučký"] * 3))
RUSSIAN = "id,name\n" + "".join(
    f"{i},{n}\n" for i, n in enumerate(["Иван Петров, учитель", "город Санкт-Петербург", "Анна Каренина"] * 3)
)
JAPANESE = "id,name\n" + "".join(
    f"{i},{n}\n" for i, n in enumerate(["株式会社日立製作所", "東京都千代田区", "とうきょう"] * 3)
)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "cp1252"),
        (GERMAN, "cp850"),
        (GERMAN, "mac_roman"),
        (FRENCH, "cp1252"),
        (PORTUGUESE, "cp1252"),
        (POLISH, "cp1250"),
        (CZECH, "cp1250"),
        (POLISH, "cp852"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc_jp"),
        (JAPANESE, "iso2022_jp"),
        (JAPANESE, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32"),
        (GERMAN, "utf-8-sig"),
        (JAPANESE, "utf-8"),
    ],
)
def test_detected(text, encoding):
    assert decode(text.encode(encoding), "t.csv").text == text


def test_what_was_detected_is_said_and_utf8_is_not():
    assert decode(GERMAN.encode("cp1252"), "t.csv").notes == (
        "t.csv is not UTF-8; it was read as cp1252. If letters look wrong, give encoding=.",
    )
    assert decode(GERMAN.encode(), "t.csv").notes == ()
    assert decode(GERMAN.encode("utf-8-sig"), "t.csv").notes == ()


def test_a_few_bad_bytes_do_not_spoil_a_utf8_file():
    data = GERMAN.encode() * 20 + "99,Größe\n".encode("cp1252")
    decoded = decode(data, "t.csv")
    assert decoded.text == GERMAN * 20 + "99,Größe\n"
    assert "is UTF-8 but for 2 bytes, first on line 201, read as cp1252" in decoded.notes[0]


def test_zero_bytes_are_removed_and_counted():
    decoded = decode(b"id,na\0me\n1,Gr\xc3\0\xb6\xc3\x9fe\n", "t.csv")
    assert decoded.text == "id,name\n1,Größe\n"
    assert decoded.notes == ("t.csv: 2 NUL characters removed.",)
    assert not decoded.as_given


def test_a_given_encoding_is_obeyed_or_refused():
    assert decode(GERMAN.encode("cp1252"), "t.csv", "cp1252").text == GERMAN
    assert decode("\ufeffid".encode(), "t.csv", "utf-8").text == "id"
    with pytest.raises(ConfigurationError, match="encoding must be one that Python knows.*Got 'utf-9'"):
        decode(b"x", "t.csv", "utf-9")
    with pytest.raises(ConfigurationError, match="encoding must be"):
        decode(b"x", "t.csv", "base64")
    with pytest.raises(
        DataError, match=r"t.csv is not utf-8: it has a byte that does not exist there at byte 3, line 2"
    ):
        decode(b"id\n\xff\n", "t.csv", "utf-8")


def test_a_wide_file_that_breaks_off_is_refused():
    with pytest.raises(DataError, match="begins like UTF-16-LE but breaks at byte"):
        decode(GERMAN.encode("utf-16")[:-1], "t.csv")
