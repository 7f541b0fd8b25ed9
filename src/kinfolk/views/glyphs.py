"""Lines and columns put together from glyphs that were drawn once: a hundred times as many strings a second, and known places.

Training on drawn strings needs new ones in every step, and ``render_text`` takes four milliseconds for each. Here each glyph
of each font is drawn once, at one size; a string is its glyphs side by side, without kerning, cut to its ink. Needs
Pillow (extra ``train``).
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kinfolk.data.image_decoding import Pixels, decode_image, folded_places
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.views.fonts import Font, inked, require_fonts

_PAPER = 255
_MARGIN = 3  # white pixels around a string


@dataclass(frozen=True, eq=False)
class Lettering:
    """A string in a square, and where its characters are.

    Attributes:
        pixels: uint8 (1, size, size).
        characters: of each place, int64 (places,), which character of the composed text it shows; one may be in two places.
        places: x and y of the middle of each in pixels, float64 (places, 2).
        whole: whether it is surely not parted by a cut of the fold, bool (places,).
        em: pixels of an em there.
    """

    pixels: Pixels
    characters: npt.NDArray[np.int64]
    places: npt.NDArray[np.float64]
    whole: npt.NDArray[np.bool_]
    em: float


@dataclass(frozen=True)
class Face:
    """How the letters of a string differ from those of its font.

    Attributes:
        stretch: how many times as wide they are.
        slant: how far the top of a line leans to the right, in heights; columns are never slanted.
        bold: whether strokes are a pixel broader on every side.
    """

    stretch: float = 1.0
    slant: float = 0.0
    bold: bool = False


class GlyphSheet:
    """Glyphs of fonts, drawn once.

    Args:
        fonts: at least one.
        characters: texts of what is drawn of each font that has it; blanks and control characters are left out.
        glyph_size: pixels an em, at least 8.

    Raises:
        ConfigurationError: no font, or a size that is not possible.
    """

    def __init__(self, fonts: Sequence[Font], characters: Iterable[str], *, glyph_size: int = 32) -> None:
        require_fonts(fonts)
        if glyph_size < 8:
            raise ConfigurationError(f"glyph_size must be at least 8 pixels. Got {glyph_size}.")
        self.fonts, self.glyph_size = tuple(fonts), glyph_size
        wanted = sorted({character for text in characters for character in inked(text)})
        self._in_lines = [_draw(font, wanted, glyph_size, upright=False) for font in fonts]
        self._in_columns = [_draw(font, wanted, glyph_size, upright=True) for font in fonts]
        for lines, columns in zip(self._in_lines, self._in_columns, strict=True):
            for character in (
                lines.keys() ^ columns.keys()
            ):  # so high or low that nothing of it is in the cell of a column
                (lines if character in lines else columns).pop(character)

    def able(self, text: str) -> tuple[int, ...]:
        """Which fonts have all characters of a text, blanks aside."""
        needed = set(inked(text))
        return tuple(number for number, cells in enumerate(self._in_lines) if needed and needed <= cells.keys())

    def characters(self, font: int) -> tuple[str, ...]:
        """What a font has, sorted."""
        return tuple(self._in_lines[font])

    def draw(self, text: str, font: int, *, vertical: bool, size: int, face: Face = Face()) -> Lettering:
        """Set a text in one font and fold it into a square.

        Args:
            text: one line, which is composed (NFC); blanks are gaps of half an em, control characters are left out.
            font: its number; see ``able``.
            vertical: characters from top to bottom.
            size: height and width of the square in pixels.
            face: how the letters differ from those of the font.

        Raises:
            DataError: the font has not all of the characters, or there is none.
        """
        line = [" " if c.isspace() else c for c in unicodedata.normalize("NFC", text) if c.isspace() or inked(c)]
        if font not in self.able(text):
            raise DataError(f"Font {font} of the sheet cannot draw {text!r}. Use one of those that are able.")
        cells = (self._in_columns if vertical else self._in_lines)[font]
        along = 0 if vertical else 1
        breadth = next(iter(cells.values())).shape[1 - along]
        gap = np.full((self.glyph_size // 2, breadth)[:: 1 if vertical else -1], _PAPER, np.uint8)
        glyphs = [gap if character == " " else cells[character] for character in line]
        ends = np.cumsum([glyph.shape[along] for glyph in glyphs])
        middles = ends - np.array([glyph.shape[along] for glyph in glyphs]) / 2
        strip = np.concatenate(glyphs, axis=along)
        if not vertical:
            middles = face.stretch * middles + abs(face.slant) * strip.shape[0] / 2
        strip = _in_face(strip, replace(face, slant=0.0) if vertical else face)
        rows, columns = (np.flatnonzero((strip < _PAPER).any(axis=axis)) for axis in (1, 0))
        cut = strip[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        page = np.pad(cut, _MARGIN, constant_values=_PAPER)
        inked_at = np.array([number for number, character in enumerate(line) if character != " "], dtype=np.int64)
        middle = middles[inked_at] - (rows[0] if vertical else columns[0]) + _MARGIN
        across = np.full(len(middle), page.shape[1 - along] / 2)
        places = np.column_stack([across, middle] if vertical else [middle, across])
        found, at, whole, scale = folded_places(places, width=page.shape[1], height=page.shape[0], size=size)
        pixels = decode_image(page, "a drawn string", size=size, channels=1, fit="fold")
        return Lettering(pixels, inked_at[found], at, whole, scale * self.glyph_size)


def _draw(font: Font, characters: Sequence[str], glyph_size: int, *, upright: bool) -> dict[str, Pixels]:
    """Glyphs of a font as cells that can be set side by side (lines), or below each other (upright)."""
    from PIL import Image, ImageDraw

    face = font.load(glyph_size)
    ascent, descent = face.getmetrics()
    cells: dict[str, Pixels] = {}
    for character in characters:
        if not font.covers(character):
            continue
        advance = max(1, round(face.getlength(character)))
        width, height = (max(glyph_size, advance), glyph_size) if upright else (advance, ascent + descent)
        baseline = round(glyph_size * ascent / (ascent + descent)) if upright else ascent
        image = Image.new("L", (width, height), _PAPER)
        anchor, start = ("ms", width / 2) if upright else ("ls", 0)
        ImageDraw.Draw(image).text((start, baseline), character, fill=0, font=face, anchor=anchor)
        cell = np.asarray(image)
        if cell.min() < _PAPER:  # some fonts have a blank for what they want
            cells[character] = cell
    if upright and cells:  # one breadth for all
        breadth = max(cell.shape[1] for cell in cells.values())
        cells = {c: _widened(cell, breadth) for c, cell in cells.items()}
    return cells


def _in_face(strip: Pixels, face: Face) -> Pixels:
    """A strip with its letters changed; what is at half its height moves by half of the slant to the right."""
    from PIL import Image, ImageFilter

    if face == Face():
        return strip
    height, width = strip.shape
    lean = abs(face.slant) * height
    shape = (math.ceil(face.stretch * width + lean), height)
    start = lean if face.slant > 0 else 0.0  # of the bottom
    backwards = (
        1 / face.stretch,
        face.slant / face.stretch,
        -(face.slant * height + (lean - start)) / face.stretch,
        0,
        1,
        0,
    )
    picture = Image.fromarray(strip).transform(
        shape, Image.Transform.AFFINE, backwards, Image.Resampling.BILINEAR, fillcolor=_PAPER
    )
    return np.asarray(picture.filter(ImageFilter.MinFilter(3)) if face.bold else picture)


def _widened(cell: Pixels, breadth: int) -> Pixels:
    before = (breadth - cell.shape[1]) // 2
    return np.pad(cell, ((0, 0), (before, breadth - cell.shape[1] - before)), constant_values=_PAPER)
