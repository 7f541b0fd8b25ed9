"""What is drawn to learn to read from: texts and their letters, and where the letters are."""

import unicodedata

import numpy as np
import pytest

from kinfolk.errors import DataError
from kinfolk.methods.clippings.drawn_strings import DrawnStrings

NAMES = ("Arkwright", "Hallam", "Smith", "Oldroyd", "Wm. Booth")


def drawn(texts, num, fonts, seed=0):
    source, rng = DrawnStrings(texts, fonts, size=32), np.random.default_rng(seed)
    return source, [source.draw(rng) for _ in range(num)]


def test_half_of_the_strings_are_texts_and_the_others_have_their_letters(fonts):
    source, strings = drawn([(name,) for name in NAMES], 400, fonts)
    assert set(source.letters) == set("".join(NAMES)) - {" "}
    said = [text for string in strings for text in string.texts]
    random = [text for text in said if text not in NAMES]
    assert set(said) - set(random) == set(NAMES)
    assert 160 < len(random) < 240
    assert {c for text in random for c in text} == set(source.letters)
    assert {len(text) for text in random} == set(range(2, 13))


def test_rare_letters_are_drawn_more_often_than_they_stand_in_the_texts(fonts):
    _, strings = drawn([("aaaaaaaaaaaaaaaaaaaabcd",)], 400, fonts)
    random = "".join(text for string in strings for text in string.texts if not text.startswith("aaaaaaaaa"))
    assert 0.1 < random.count("b") / len(random) < 0.2  # an eighth and half of a 23rd


def test_at_each_place_stands_its_letter(fonts):
    source, strings = drawn([("Wm. Booth",), ("Zoë",)], 60, fonts)
    for string in strings:
        (text,) = string.texts
        characters, whole = string.lettering.characters, string.lettering.whole
        assert [source.letters[n] for n in string.letters[whole]] == [text[at] for at in characters[whole]]
        assert (string.letters[~whole] == -1).all()
        assert {text[at] for at in characters} == set(text) - {" "}


def test_a_letter_with_an_accent_is_one_character_which_this_font_has_not(fonts):
    _, strings = drawn([(unicodedata.normalize("NFD", "Zoë Noëlle"),)], 30, fonts)
    said = {text for string in strings for text in string.texts}
    assert "Zo Nolle" in said
    assert "Zoe Noelle" not in said


def test_the_same_numbers_draw_the_same_strings(fonts):
    texts = [(name,) for name in NAMES]
    one, again, other = (drawn(texts, 20, fonts, seed)[1] for seed in (0, 0, 1))
    assert [string.texts for string in one] == [string.texts for string in again]
    assert all(np.array_equal(a.lettering.pixels, b.lettering.pixels) for a, b in zip(one, again, strict=True))
    assert [string.texts for string in one] != [string.texts for string in other]


def test_what_no_font_has_is_left_out_of_the_texts(fonts):
    source, strings = drawn([("東Smith京",), ("Booth",), ("東京",)], 60, fonts)
    assert {"Smith", "Booth"} <= {text for string in strings for text in string.texts}
    assert not set("東京") & set(source.letters)


def test_texts_of_several_fields_stay_together_and_share_the_room(fonts):
    _, strings = drawn([("Arkwright & Sons, drapers", "Leeds"), ("Hallam", "York")], 100, fonts)
    said = {string.texts for string in strings}
    assert {texts for texts in said if all(texts)} == {("Arkwright &", "Leeds"), ("Hallam", "York")}
    assert all(sum(map(bool, texts)) in (1, 2) for texts in said)


@pytest.mark.parametrize(
    "texts",
    [[("東京",), ("",)], [("aba",), ("b",)]],
    ids=["no font", "too few letters"],
)
def test_texts_that_cannot_be_drawn_are_refused(fonts, texts):
    with pytest.raises(
        DataError, match="needs 4 different characters that a font of this machine can draw.* Got [02] characters"
    ):
        DrawnStrings(texts, fonts, size=32)


def test_imagined_strings_are_seen_nearly_as_they_are(fonts):
    source, rng = DrawnStrings([(name,) for name in NAMES], fonts, size=32), np.random.default_rng(0)
    hit, wrong, there = 0, 0, 0
    for _ in range(300):
        (text,), seen = source.imagine(rng)
        assert seen.shape == (len(source.letters),)
        assert (seen >= 0).all()
        assert (seen <= 1).all()
        own = np.isin(source.letters, list(text))
        hit, wrong, there = hit + (seen[own] >= 0.4).sum(), wrong + (seen[~own] > 0).sum(), there + own.sum()
        assert (seen[~own] < 0.4).all()
    assert 0.8 < hit / there < 0.95  # a letter that stands twice in a text is missed less often
    assert 0.5 < wrong / 300 < 2
