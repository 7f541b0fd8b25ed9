"""Fonts of this machine, and which of them can draw a text. Needs Pillow (extra ``train``)."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinfolk.data.wording import listed, shortened
from kinfolk.errors import ConfigurationError, DataError, MissingExtraError

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

SUFFIXES = frozenset({".ttf", ".otf", ".ttc"})

_INSTALL = {
    "darwin": "install one with Font Book",
    "win32": "install one in the settings, under Personalization",
    "linux": "install some, such as the Debian packages fonts-dejavu, fonts-linuxlibertine and, for Chinese, Japanese and "
    "Korean, fonts-noto-cjk",
}
_NO_CHARACTER = (
    "\uffff"  # Unicode promises that this is never one, so what a font draws for it is what it draws for want
)
_TRIED_AT = 24  # pixels; at this size glyphs look different from each other


@dataclass(frozen=True, order=True)
class Font:
    """One face of a font file; fonts sort by family, style and place.

    Attributes:
        family: such as "Linux Libertine O".
        style: such as "Bold Italic".
        path: the file.
        face: which of the faces of a ``.ttc`` file, counted from 0.
    """

    family: str
    style: str
    path: Path
    face: int = 0

    def covers(self, text: str) -> bool:
        """Whether there is a glyph for every character that needs one; blanks and control characters need none."""
        return not self.missing(text)

    def missing(self, text: str) -> str:
        """The characters without a glyph, each once, in their order."""
        known = _coverage(self)
        return "".join(c for c in dict.fromkeys(inked(text)) if not known.has(c))

    def load(self, size: int) -> FreeTypeFont:
        """The font of Pillow.

        Args:
            size: pixels an em.
        """
        return _loaded(self.path, self.face, size)


def find_fonts(text: str = "", *, places: Sequence[str | Path] = (), system: bool = True) -> tuple[Font, ...]:
    """Find the fonts that have a glyph for every character of a text.

    Args:
        text: the characters; "" takes every font.
        places: folders, searched with all folders in them, or files: TrueType and OpenType, ``.ttf``, ``.otf`` and ``.ttc``.
        system: whether the standard folders of the system are searched, too.

    Returns:
        Each font once, sorted by family, style and place, whatever the order of the folders.

    Raises:
        DataError: there is none; says what to install. Or a place does not exist.
        ConfigurationError: there is nowhere to search.
        MissingExtraError: Pillow is not installed.
    """
    given = [Path(place) for place in places]
    for place in given:
        if not place.exists():
            raise DataError(f"There is no file or folder of fonts {place}. Check the name.")
    searched = [*given, *(system_folders() if system else ())]
    if not searched:
        raise ConfigurationError("There is nowhere to search for fonts. Name folders (places), or search the system's.")
    files = {path.resolve() for place in searched for path in _font_files(place)}
    fonts = tuple(sorted(font for path in files for font in _faces(path)))
    able = tuple(font for font in fonts if font.covers(text))
    if not able:
        raise DataError(_why_none(text, fonts, searched))
    return able


def system_folders() -> tuple[Path, ...]:
    """The standard folders of fonts on this system, whether they exist or not."""
    home = Path.home()
    if sys.platform == "darwin":
        return Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", str(home / "AppData" / "Local"))
        windows = os.environ.get("WINDIR", "C:\\Windows")
        return Path(windows, "Fonts"), Path(local, "Microsoft", "Windows", "Fonts")
    data = os.environ.get("XDG_DATA_HOME") or str(home / ".local" / "share")
    return Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".fonts", Path(data, "fonts")


def inked(text: str) -> str:
    """The characters of a text that need a glyph, composed (NFC): all but blanks and control characters."""
    return "".join(
        c for c in unicodedata.normalize("NFC", text) if not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf")
    )


def require_fonts(fonts: Sequence[Font]) -> None:
    """Refuse an empty list of fonts.

    Raises:
        ConfigurationError: it is empty.
    """
    if not fonts:
        raise ConfigurationError(
            "fonts must hold at least one font. Got none. find_fonts() gives those of this machine."
        )


def _font_files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    return [path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()]


def _faces(path: Path) -> list[Font]:
    """Every face of a file; none where it is damaged, or has glyphs as pictures of one size only."""
    fonts: list[Font] = []
    while True:
        try:
            family, style = _loaded(path, len(fonts), _TRIED_AT).getname()
        except (OSError, ValueError):  # also how Pillow says that there are no more faces
            return fonts
        fonts.append(Font(family or path.stem, style or "", path, len(fonts)))
        if path.suffix.lower() != ".ttc":
            return fonts


@lru_cache(maxsize=1024)
def _loaded(path: Path, face: int, size: int) -> FreeTypeFont:
    if find_spec("PIL") is None:
        raise MissingExtraError("Drawing texts", "train")
    from PIL import ImageFont

    # The simple layout is the same on every machine; the other one needs a library that may be absent.
    return ImageFont.truetype(path, size, index=face, layout_engine=ImageFont.Layout.BASIC)


class _Coverage:
    """Which characters a font has; each is drawn when it is asked for the first time.

    Two bits a code point hold all of Unicode: 272 KiB a font, however much is asked for.
    """

    def __init__(self, font: Font) -> None:
        self._font = font
        self._asked, self._there = np.zeros((2, sys.maxunicode // 8 + 1), np.uint8)

    def has(self, character: str) -> bool:
        """Whether there is ink, and other ink than what the font draws for characters it does not know."""
        at, bit = ord(character) // 8, 1 << ord(character) % 8
        if not self._asked[at] & bit:
            picture = _picture(self._font, character)
            self._asked[at] |= bit
            self._there[at] |= bit if any(picture[1]) and picture != self._for_want else 0
        return bool(self._there[at] & bit)

    @cached_property
    def _for_want(self) -> tuple[tuple[int, int], bytes]:
        return _picture(self._font, _NO_CHARACTER)


@lru_cache(maxsize=1024)  # 272 MiB at most
def _coverage(font: Font) -> _Coverage:
    return _Coverage(font)


def _picture(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.load(_TRIED_AT).getmask(character)
    return mask.size, bytes(mask)


def _why_none(text: str, fonts: Sequence[Font], searched: Sequence[Path]) -> str:
    install = _INSTALL.get(sys.platform, _INSTALL["linux"])
    if not fonts:
        where = listed([str(place) for place in searched])
        return f"No font was found in {where}. Please {install}, or name a folder with fonts (places)."
    best = min(fonts, key=lambda font: (len(font.missing(text)), font))
    return (
        f"None of {len(fonts)} fonts can draw {shortened(repr(text))}; {best.family} comes nearest, without "
        f"{listed([f'{c} (U+{ord(c):04X})' for c in best.missing(text)], limit=5)}. Please {install}, or name a folder "
        "with fonts (places)."
    )
