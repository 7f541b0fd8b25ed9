"""Text as it is compared: lower case, no accents, no punctuation, single spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_NOT_WORD = re.compile(r"[^\w\n]+|_+")
_LATIN_MARKS = re.compile("[\u0300-\u036f]")
_BREAKS = str.maketrans(dict.fromkeys("\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", " "))


def normalize(values: Sequence[str]) -> list[str]:
    """Bring texts to the form in which they are compared.

    Compatibility forms are unified (full-width digits become digits), accents of Latin, Greek and Cyrillic letters are
    dropped, marks of other scripts stay, and everything that is not a letter or a digit becomes one space.

    Args:
        values: any texts.

    Returns:
        One text for each value; "" where nothing is left.
    """
    # One pass over one long text is an order of magnitude faster than a call for each value.
    joined = unicodedata.normalize("NFKC", "\n".join(value.translate(_BREAKS) for value in values)).lower()
    if not joined.isascii():
        joined = unicodedata.normalize("NFC", _LATIN_MARKS.sub("", unicodedata.normalize("NFD", joined)))
    return [text.strip() for text in _NOT_WORD.sub(" ", joined).split("\n")] if len(values) else []


def squash(texts: Sequence[str]) -> list[str]:
    """Normalized texts without their spaces, so that "psx lx350h" and "psxlx350h" are the same."""
    return [text.replace(" ", "") for text in texts]
