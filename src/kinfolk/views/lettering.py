"""Where the glyphs of a text go, in lines or in columns, and their ink on white paper. Needs Pillow (extra ``train``)."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import torch

from kinfolk.data.wording import listed, shortened
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.views.draws import check_shares, uniform
from kinfolk.views.fonts import Font, inked

if TYPE_CHECKING:
    from PIL import Image

_LEADING = 1.2  # from one line to the next, in sizes of a glyph

# How far a glyph departs at jitter 1, either way, in sizes of a glyph
_SIZE = 0.12
_PLACE = 0.06


class _Glyph(NamedTuple):
    """A character, with the marks on it, and where it stands in pixels: its left end (lines) or middle (columns), its baseline."""

    characters: str
    x: float
    y: float


def draw_text(
    text: str,
    font: Font,
    *,
    glyph_size: int,
    vertical: bool = False,
    jitter: float = 0.0,
    generator: torch.Generator | None = None,
) -> Image.Image:
    """Set a text, black on white, and cut it to its ink.

    Characters are set one by one: scripts that join them, such as Arabic or Devanagari, come out wrong.

    Args:
        text: a line, or several with line ends between them. It is composed (NFC); control characters are left out.
        font: it must have all glyphs.
        glyph_size: pixels an em, at least 4.
        vertical: characters from top to bottom, upright, and lines from right to left.
        jitter: how much glyphs differ from each other in size and leave their place, in [0, 1].
        generator: where the jitter comes from; needed where there is any.

    Returns:
        A gray image, mode "L", that ends on every side where the ink ends.

    Raises:
        DataError: the text is blank, or the font has not all of its characters.
        ConfigurationError: a setting that is not possible.
    """
    check_shares(jitter=jitter)
    if glyph_size < 4:
        raise ConfigurationError(f"glyph_size must be at least 4 pixels. Got {glyph_size}.")
    if jitter and generator is None:
        raise ConfigurationError("jitter needs a generator of random numbers. Got None.")
    _check_glyphs(text, font)
    from PIL import Image, ImageDraw, ImageOps

    glyphs = _columns(text, glyph_size) if vertical else _lines(text, font, glyph_size)
    sizes, across, down = _jittered(len(glyphs), glyph_size, jitter, generator)
    # No glyph reaches farther than this beyond its place.
    left = round(min(glyph.x for glyph in glyphs)) - 2 * glyph_size
    top = round(min(glyph.y for glyph in glyphs)) - 2 * glyph_size
    right = round(max(glyph.x for glyph in glyphs)) + 3 * glyph_size
    bottom = round(max(glyph.y for glyph in glyphs)) + 2 * glyph_size
    image = Image.new("L", (right - left, bottom - top), 255)
    draw = ImageDraw.Draw(image)
    for glyph, size, dx, dy in zip(glyphs, sizes, across, down, strict=True):
        place = (round(glyph.x + dx) - left, round(glyph.y + dy) - top)
        draw.text(place, glyph.characters, fill=0, font=font.load(size), anchor="ms" if vertical else "ls")
    return image.crop(ImageOps.invert(image).getbbox())


def _check_glyphs(text: str, font: Font) -> None:
    if not inked(text):
        raise DataError(
            f"A text with at least one visible character is needed. Got {shortened(repr(text))}. Leave it out."
        )
    missing = font.missing(text)
    if missing:
        raise DataError(
            f"{font.family} {font.style} cannot draw {shortened(repr(text))}: it has no glyph for "
            f"{listed([f'{c} (U+{ord(c):04X})' for c in missing])}. Use a font of find_fonts({shortened(repr(missing))})."
        )


def _lines(text: str, font: Font, size: int) -> list[_Glyph]:
    face = font.load(size)
    glyphs: list[_Glyph] = []
    for number, line in enumerate(text.splitlines()):
        x, before = 0.0, ""
        for characters in _clusters(line):
            # what a pair takes, less what its second takes alone: this brings in the kerning
            x += face.getlength(before + characters) - face.getlength(characters) if before else 0.0
            before = characters
            if not characters.isspace():
                glyphs.append(_Glyph(characters, x, number * _LEADING * size))
    return glyphs


def _columns(text: str, size: int) -> list[_Glyph]:
    glyphs: list[_Glyph] = []
    for number, line in enumerate(text.splitlines()):
        y = 0.0
        for characters in _clusters(line):
            if characters.isspace():
                y += size / 2
            else:
                glyphs.append(_Glyph(characters, -number * _LEADING * size, y))
                y += size
    return glyphs


def _clusters(line: str) -> list[str]:
    """Characters with the marks that stand on them, blanks as they are, without control characters."""
    clusters: list[str] = []
    for character in unicodedata.normalize("NFC", line):
        if unicodedata.combining(character) and clusters:
            clusters[-1] += character
        elif character.isspace() or inked(character):
            clusters.append(" " if character.isspace() else character)
    return clusters


def _jittered(
    num: int, glyph_size: int, jitter: float, generator: torch.Generator | None
) -> tuple[list[int], list[float], list[float]]:
    """The size of each glyph, and how far it is moved to the right and down, in pixels."""
    if generator is None or not jitter:
        return [glyph_size] * num, [0.0] * num, [0.0] * num
    sizes = uniform(num, (1 - _SIZE * jitter, 1 + _SIZE * jitter), generator=generator) * glyph_size
    across, down = uniform(2 * num, (-_PLACE * jitter, _PLACE * jitter), generator=generator).view(2, num) * glyph_size
    return [max(1, round(size)) for size in sizes.tolist()], across.tolist(), down.tolist()
