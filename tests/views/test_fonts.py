"""Fonts are found in the folders named, whatever their order, and asked for the characters they have."""

import struct
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import ImageFont

from kinfolk import ConfigurationError, DataError
from kinfolk.views import Font, find_fonts
from kinfolk.views import fonts as module


def collection(font: bytes, faces: int) -> bytes:
    """A .ttc file with a font several times; its tables lie once behind the header, which their places must allow for."""
    header = 12 + 4 * faces
    (tables,) = struct.unpack(">H", font[4:6])
    moved = bytearray(font)
    for record in range(12, 12 + 16 * tables, 16):
        (offset,) = struct.unpack_from(">I", font, record + 8)
        struct.pack_into(">I", moved, record + 8, offset + header)
    return b"ttcf" + struct.pack(f">HHI{faces}I", 1, 0, faces, *[header] * faces) + moved


@pytest.fixture
def data(latin: Font) -> bytes:
    return latin.path.read_bytes()


def test_the_characters_of_a_known_font(latin: Font) -> None:
    assert (latin.family, latin.style) == ImageFont.load_default(20).getname()
    assert latin.covers("Smith & Sons, 14 High Street")
    assert latin.missing("Tokyo 東京 東") == "東京"
    assert not latin.covers("東京")


def test_blanks_and_control_characters_need_no_glyph(latin: Font) -> None:
    assert latin.covers(" \t\n\u00a0\u200b\u00ad\x07")
    assert latin.missing("e\u0301\u0301") == "\u00e9\u0301"  # composed first
    assert latin.missing("a\u6771\u200b\n\u4eac") == "\u6771\u4eac"


def test_what_a_font_draws_for_want_is_not_a_glyph(latin: Font) -> None:
    mask = latin.load(24).getmask("東")
    assert latin.load(24).getmask("\uffff").size == mask.size  # a box, the same for both
    assert not latin.covers("東")


UNASSIGNED = "".join(map(chr, range(0x40000, 0x40000 + 20_000)))  # composing leaves them alone


def draw_odd_ones(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
    return (ord(character), font.face), bytes([ord(character) % 2])


def test_each_character_of_a_font_is_drawn_once_however_many_there_are(
    latin: Font, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[Font, str]] = []

    def draw(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
        drawn.append((font, character))
        return draw_odd_ones(font, character)

    monkeypatch.setattr(module, "_picture", draw)
    fonts = [replace(latin, family="odd", face=face) for face in range(4)]
    assert {font.missing(UNASSIGNED) for font in fonts} == {UNASSIGNED[::2]}
    assert len(drawn) == len(set(drawn)) == 4 * 20_001  # and what each draws for want
    assert {font.missing(UNASSIGNED) for font in fonts} == {UNASSIGNED[::2]}
    assert len(drawn) == 4 * 20_001


def test_what_is_known_of_fonts_is_bounded(latin: Font, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_picture", draw_odd_ones)
    font = replace(latin, family="bounded")
    tracemalloc.start()
    font.missing("a")
    after_one = tracemalloc.get_traced_memory()[0]
    font.missing(UNASSIGNED[:2_000])
    after_all = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after_all - after_one < 10_000
    assert after_all * module._coverage.cache_info().maxsize < 512e6


def test_every_face_of_every_file_below_the_places_once_and_in_order(data: bytes, tmp_path: Path) -> None:
    for name in ("b/one.ttf", "a/TWO.OTF", "a/deep/three.ttc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(collection(data, 3) if name.endswith("ttc") else data)
    (tmp_path / "a" / "broken.ttf").write_bytes(data[:100])
    (tmp_path / "a" / "notes.txt").write_bytes(data)
    found = find_fonts(places=[tmp_path / "a", tmp_path / "b"], system=False)
    place = [(font.path.relative_to(tmp_path.resolve()).as_posix(), font.face) for font in found]
    assert place == [("a/TWO.OTF", 0), *(("a/deep/three.ttc", face) for face in range(3)), ("b/one.ttf", 0)]
    assert find_fonts(places=[tmp_path / "b", tmp_path, tmp_path / "a"], system=False) == found


def test_the_system_is_searched_where_it_is_asked_for(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.ttf").write_bytes(data)
    monkeypatch.setattr(module, "system_folders", lambda: (tmp_path, tmp_path / "absent"))
    assert [font.path.name for font in find_fonts("abc")] == ["one.ttf"]


@pytest.mark.parametrize(
    ("platform", "last"),
    [("linux", "share/fonts"), ("darwin", "Library/Fonts"), ("win32", "Microsoft/Windows/Fonts")],
)
def test_each_system_has_a_folder_of_its_user(platform: str, last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    *_, folder = module.system_folders()
    assert folder.as_posix().endswith(last)
    assert folder.is_relative_to(Path.home())


def test_without_a_font_the_error_says_what_to_install(latin: Font, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"No font was found in .*\. Please install .*folder with fonts \(places\)"):
        find_fonts(places=[tmp_path], system=False)
    message = (
        r"None of 1 fonts can draw 'a東京'; Aileron comes nearest, without 東 \(U\+6771\) and 京 \(U\+4EAC\)\. Please"
    )
    with pytest.raises(DataError, match=message):
        find_fonts("a東京", places=[latin.path], system=False)


def test_a_place_that_is_not_there_and_none_at_all_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file or folder of fonts .*absent"):
        find_fonts(places=[tmp_path / "absent"])
    with pytest.raises(ConfigurationError, match="nowhere to search"):
        find_fonts(system=False)
