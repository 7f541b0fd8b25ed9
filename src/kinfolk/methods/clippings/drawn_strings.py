"""Strings to learn to read from, drawn anew whenever one is wanted: the texts of records, and their letters at random.

Half are texts, which are what will have to be read. The other half are letters strung together, so that letters are learned and
not words; in half of these a letter is as frequent as in the texts, in the rest all letters of a font are alike, so that the
rare ones are learned, too. Letters that join, or carry marks of their own, as in Arabic or Thai, are drawn as they stand alone,
which is not how they are read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.errors import DataError
from kinfolk.views.fonts import Font
from kinfolk.views.glyphs import Face, GlyphSheet, Lettering
from kinfolk.views.text_noise import alphabet_of

_VERTICAL = 0.5  # share of the strings that are set in columns
_LEGIBLE, _LONGEST = 12, 24  # pixels a character needs; characters that are drawn even where there are fewer
_RANDOM = (2, 12)  # characters of a string of letters that are all alike
_LEAST, _MOST = 4, 4_000  # letters; the rarest are not learned
_SAMPLE = 20_000  # texts that are enough to know how frequent letters are
_PLAIN = 0.4  # share of the strings whose letters are as the font has them
_STRETCH, _SLANT = 0.3, 0.3  # of the logarithm of the width; of the height
_MISSED, _DOUBT, _FALSE = 0.15, 0.4, 2  # of imagined letters: share that is not seen; least that is seen; others seen


@dataclass(frozen=True, eq=False)
class DrawnString:
    """A string in a square.

    Attributes:
        texts: what it says, by the fields of text of the records.
        lettering: its pixels, and where its characters are.
        letters: at each place, the number of the letter, -1 where it may be parted, int64 (places,).
    """

    texts: tuple[str, ...]
    lettering: Lettering
    letters: npt.NDArray[np.int64]


class DrawnStrings:
    """Strings like the texts of records.

    Args:
        records: the texts of each; as many characters are taken as can be read in the square, and none that no font has or
            that is not among the 4,000 most frequent.
        fonts: to draw in.
        size: height and width of the squares in pixels.

    Attributes:
        letters: what is drawn, sorted; their places are their numbers.

    Raises:
        DataError: fewer than four different characters can be drawn, or no text in one font.
    """

    def __init__(self, records: Sequence[tuple[str, ...]], fonts: Sequence[Font], *, size: int) -> None:
        composed = [tuple(unicodedata.normalize("NFC", text) for text in texts) for texts in records]
        frequent = alphabet_of([text for texts in composed for text in texts])[:_MOST]
        self.sheet, self.size = GlyphSheet(fonts, frequent), size
        self._of_font = [self.sheet.characters(number) for number in range(len(self.sheet.fonts))]
        self.letters = tuple(sorted(set().union(*self._of_font)))
        self._number = {letter: number for number, letter in enumerate(self.letters)}
        longest = max(_LONGEST, (size // _LEGIBLE) ** 2)
        cut = (_drawable(texts, self._number.keys(), longest) for texts in composed)
        self._texts = [texts for texts in cut if self.sheet.able(_in_one(texts))]
        if len(self.letters) < _LEAST or not self._texts:
            raise DataError(
                f"Learning to read needs {_LEAST} different characters that a font of this machine can draw, and texts that one "
                f"font can draw. Got {len(self.letters)} characters and {len(self._texts):,} texts. Install fonts of the "
                "script, or give some (fonts)."
            )
        letters = [c for texts in self._texts[:: -(-len(self._texts) // _SAMPLE)] for text in texts for c in text]
        of = {has: [c for c in letters if c in has] for has in set(map(frozenset, self._of_font))}
        self._frequent = [of[frozenset(has)] for has in self._of_font]
        self._usable = [number for number, frequent in enumerate(self._frequent) if frequent]

    def draw(self, rng: np.random.Generator) -> DrawnString:
        """One string, in a font, a face and a direction of its own."""
        texts, font = self._say(rng)
        text, face = _in_one(texts), _face(rng)
        vertical = bool(rng.random() < _VERTICAL)
        lettering = self.sheet.draw(text, font, vertical=vertical, size=self.size, face=face)
        numbers = np.array([self._number[text[at]] for at in lettering.characters], dtype=np.int64)
        letters = np.where(lettering.whole, numbers, -1)
        return DrawnString(texts, lettering, letters)

    def imagine(self, rng: np.random.Generator) -> tuple[tuple[str, ...], npt.NDArray[np.float32]]:
        """The texts of a string that is not drawn, and its letters as a good reader would see them in its crop, (letters,).

        A letter is seen with some doubt or missed, and some are seen that are not there.
        """
        texts, _ = self._say(rng)
        numbers = np.array([self._number[c] for c in _in_one(texts) if c != " "])
        seen = np.zeros(len(self.letters), np.float32)
        there = numbers[rng.random(len(numbers)) >= _MISSED]
        seen[rng.integers(len(seen), size=_FALSE)] = rng.uniform(0.0, _DOUBT, _FALSE)
        seen[there] = rng.uniform(_DOUBT, 1.0, len(there))
        return texts, seen

    def _say(self, rng: np.random.Generator) -> tuple[tuple[str, ...], int]:
        """Texts of a string, and a font that has them."""
        texts = self._texts[rng.integers(len(self._texts))]
        if rng.random() < 0.5:
            return texts, int(rng.choice(self.sheet.able(_in_one(texts))))
        font = int(rng.choice(self._usable))
        # in one of the texts, since letters at random in two have nothing to do with each other
        one, string = rng.choice(np.flatnonzero(texts)), self._at_random(font, rng)
        return tuple(string if at == one else "" for at in range(len(texts))), font

    def _at_random(self, font: int, rng: np.random.Generator) -> str:
        letters = self._frequent[font] if rng.random() < 0.5 else self._of_font[font]
        chosen = rng.integers(len(letters), size=rng.integers(_RANDOM[0], _RANDOM[1] + 1))
        composed = unicodedata.normalize("NFC", "".join(letters[at] for at in chosen))
        return (
            "".join(c for c in composed if c in self._of_font[font]) or letters[chosen[0]]
        )  # accents may have met letters


def _face(rng: np.random.Generator) -> Face:
    """Letters wider or narrower, slanted or bolder than those of the font: the fonts of a machine are not all there are."""
    if rng.random() < _PLAIN:
        return Face()
    stretch, slant = float(np.exp(rng.uniform(-_STRETCH, _STRETCH))), float(rng.uniform(-_SLANT / 3, _SLANT))
    return Face(stretch, slant, bool(rng.random() < 0.5))


def _in_one(texts: Sequence[str]) -> str:
    """All texts of a string, as a crop shows them."""
    return " ".join(filter(None, texts))


def _drawable(texts: tuple[str, ...], letters: Collection[str], longest: int) -> tuple[str, ...]:
    """What can be drawn of the composed texts of a record: up to the longest string, of which each has the same share."""
    known = ["".join(c for c in text if c in letters or c == " ").strip() for text in texts]
    room = max(1, longest // max(1, sum(bool(text) for text in known)))
    return tuple(text[:room].strip() for text in known)
