"""Typographic characters as a keyboard writes them, so that a text looks alike whichever program it comes from.

The characters are those that the authors of Contriever replace (Izacard et al. 2022, arXiv 2112.09118, official code),
who took them from Swain & Cole, "ChemDataExtractor", 2016. Letters, digits, full-width forms and ligatures stay.
"""

from __future__ import annotations

_LOST = [*range(0x01, 0x09), 0x0E, 0x0F, *range(0x11, 0x1C), 0xAD]  # control characters and the soft hyphen
_WRITTEN = {
    " ": "\u000b\u000c\u0085",
    "-": "\u2010\u2011\u2043\u2012\u2013\u2014\u2015\u2212\uff0d\u207b",
    '"': "\u201c\u201d\u201e\u201f",
    "'": "\u2018\u2019\u201a\u201b\u055a\ua78b\ua78c\uff07`\u00b4\u2032\u2035",
    "''": "\u2033\u2036",
    "'''": "\u2034\u2037",
    "''''": "\u2057",
    "...": "\u2026",
    "/": "\u2044\u2215",
}
_TABLE: dict[int, str] = dict.fromkeys(_LOST, "") | {
    ord(character): written for written, characters in _WRITTEN.items() for character in characters
}


def plain_typography(text: str) -> str:
    """A text with plain hyphens, quotes, slashes and dots, and without control characters.

    Dashes and minus signs become "-", curly quotes, accents that stand alone and primes become straight quotes, an
    ellipsis becomes three dots (also where they were written apart, between words), and soft hyphens are dropped. Line
    ends and tabs stay.
    """
    return text.translate(_TABLE).replace(" . . . ", " ... ")
