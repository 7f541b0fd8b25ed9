"""Strings put together from glyphs: the ink of ``render_text``, and places that are where the characters are."""

import numpy as np
import pytest

from kinfolk import ConfigurationError, DataError
from kinfolk.data.image_decoding import decode_image, folded_places
from kinfolk.views import Font, render_text
from kinfolk.views.glyphs import Face, GlyphSheet


@pytest.fixture
def sheet(latin: Font) -> GlyphSheet:
    return GlyphSheet([latin], "Hallam & Sons, drapers lo.")


def ink(pixels: np.ndarray) -> np.ndarray:
    return 255.0 - pixels.astype(np.float64)


@pytest.mark.parametrize("vertical", [False, True])
def test_a_string_looks_as_it_does_when_it_is_drawn_as_a_whole(sheet: GlyphSheet, latin: Font, vertical: bool) -> None:
    drawn = sheet.draw("Hallam", 0, vertical=vertical, size=64).pixels[0]
    whole = np.pad(
        np.asarray(render_text("Hallam", latin, glyph_size=32, vertical=vertical)),
        ((3, 3), (3, 3), (0, 0)),
        constant_values=255,
    )
    expected = decode_image(whole, "x", size=64, channels=1, fit="fold")[0]
    assert np.corrcoef(drawn.ravel(), expected.ravel())[0, 1] > 0.8


@pytest.mark.parametrize("vertical", [False, True])
@pytest.mark.parametrize("text", ["lololo", "l l l", "oooooooooolooooooo", "Hallam & Sons, drapers lo"])
def test_characters_are_where_they_are_said_to_be(sheet: GlyphSheet, text: str, vertical: bool) -> None:
    """Half an em around the middle of a character there is ink; and an "l" is darker in its middle than an "o"."""
    lettering = sheet.draw(text, 0, vertical=vertical, size=128)
    written = {n for n, c in enumerate(text) if c != " "}
    assert set(lettering.characters.tolist()) == written
    assert len(set(lettering.characters[lettering.whole].tolist())) >= 0.6 * len(written)
    page, middles = ink(lettering.pixels[0]), {"l": [], "o": []}
    for number, (x, y) in zip(lettering.characters[lettering.whole], lettering.places[lettering.whole], strict=True):
        reach = max(2, round(lettering.em / 2))
        assert page[max(0, int(y) - reach) : int(y) + reach, max(0, int(x) - reach) : int(x) + reach].max() > 100
        if text[number] in middles:
            middles[text[number]].append(page[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].max())
    if middles["l"] and middles["o"]:
        assert np.mean(middles["l"]) > np.mean(middles["o"]) + 50


def test_a_long_string_is_folded_and_its_places_with_it() -> None:
    """A strip of 400 x 20 with a mark at known points: the mark is found where it is said to be."""
    strip = np.full((20, 400), 255, np.uint8)
    points = np.array([[10.0, 10.0], [150.0, 10.0], [390.0, 10.0]])
    for x, y in points.astype(int):
        strip[y - 3 : y + 3, x - 3 : x + 3] = 0
    square = decode_image(strip, "x", size=100, channels=1, fit="fold")[0]
    rows, places, whole, scale = folded_places(points, width=400, height=20, size=100)
    assert set(rows[whole].tolist()) == {0, 1, 2}
    for x, y in places[whole]:
        assert square[round(y), round(x)] < 80
    assert scale > 0.25  # of the strip as a whole
    upright, turned, *_ = folded_places(points[:, ::-1], width=20, height=400, size=100)
    np.testing.assert_array_equal(upright, rows)
    np.testing.assert_allclose(turned, places[:, ::-1])


def test_fonts_and_characters_that_are_not_there(sheet: GlyphSheet, latin: Font) -> None:
    assert sheet.able("Hallam") == (0,)
    assert sheet.able("東") == sheet.able("x") == sheet.able(" ") == ()
    assert "H" in sheet.characters(0)
    with pytest.raises(DataError, match="cannot draw 'xyz'"):
        sheet.draw("xyz", 0, vertical=False, size=64)
    with pytest.raises(ConfigurationError, match="at least one font"):
        GlyphSheet([], "abc")
    with pytest.raises(ConfigurationError, match="glyph_size must be at least 8"):
        GlyphSheet([latin], "abc", glyph_size=4)


@pytest.mark.parametrize("width", [60, 67, 400])
def test_the_last_character_of_a_folded_strip_is_whole(width: int) -> None:
    """At a width of 60 a sum of shares lies 1e-14 below it."""
    for at in (8.0, width - 8.0):
        rows, _, whole, _ = folded_places(np.array([[at, 12.0]]), width=width, height=24, size=96)
        assert rows[whole].tolist() == [0]


def test_characters_at_a_cut_are_found_in_both_pieces() -> None:
    points = np.column_stack([np.arange(10.0, 395.0, 5.0), np.full(77, 10.0)])
    rows, _, whole, _ = folded_places(points, width=400, height=20, size=100)
    assert set(rows.tolist()) == set(range(len(points)))
    in_two = np.flatnonzero(np.bincount(rows) == 2)
    assert 0 < len(in_two) < len(points) / 2
    assert set(range(len(points))) - set(rows[whole].tolist()) <= set(in_two.tolist())


@pytest.mark.parametrize("face", [Face(1.4), Face(0.7, 0.3), Face(1.0, -0.3), Face(1.2, 0.2, bold=True)], ids=str)
def test_characters_of_another_face_are_where_they_are_said_to_be(sheet: GlyphSheet, face: Face) -> None:
    """A letter between blanks: what is dark around its place is the letter, and in its middle."""
    lettering = sheet.draw("l   l   l", 0, vertical=False, size=128, face=face)
    pixels, reach = ink(lettering.pixels[0]), lettering.em / 2
    for x, y in lettering.places[lettering.whole]:
        near = pixels[:, max(0, round(x - reach)) : round(x + reach)]
        _, columns = np.nonzero(near[max(0, round(y - reach)) : round(y + reach)] > 100)
        assert len(columns) > 0
        assert abs(columns.mean() - (x - max(0, round(x - reach)))) < 0.25 * lettering.em


def test_faces_change_what_they_say(sheet: GlyphSheet) -> None:
    plain, bold, wide, column = (
        sheet.draw("Hallam", 0, vertical=vertical, size=64, face=face).pixels
        for vertical, face in ((False, Face()), (False, Face(bold=True)), (False, Face(1.5)), (True, Face()))
    )
    assert ink(bold).sum() > 1.2 * ink(plain).sum()
    assert not np.array_equal(wide, plain)
    slanted = sheet.draw("Hallam", 0, vertical=True, size=64, face=Face(slant=0.3)).pixels
    assert np.array_equal(slanted, column)  # columns never are
