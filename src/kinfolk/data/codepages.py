"""Telling the one-byte encodings of Western and Central Europe apart by the words they make.

Detectors that count bytes confuse these, because they agree on most letters. Read in a wrong one, a word gets signs or
capitals in its middle, or letters that hardly any language uses; the right one is what makes the fewest of these.
"""

from __future__ import annotations

import unicodedata

# In the order of how often people's files have them; the earlier one wins a tie.
_CANDIDATES = ("cp1252", "cp1250", "cp1254", "cp850", "mac_roman", "cp852", "cp437")
_COMMON = {
    "cp1252": "àâäáãåæçèéêëîïíñòóôõöøœßùúûüÿÀÂÄÁÃÅÆÇÈÉÊËÎÏÍÑÓÔÕÖØŒÙÚÛÜ",
    "cp1250": "ąćęłńóśźżáčďéěíňřšťúůýžäöüőűăâîßĄĆĘŁŃÓŚŹŻÁČĎÉĚÍŇŘŠŤÚŮÝŽÄÖÜŐŰ",
    "cp1254": "çğıöşüâÇĞİÖŞÜ",
}
_COMMON |= {"cp850": _COMMON["cp1252"], "mac_roman": _COMMON["cp1252"], "cp437": _COMMON["cp1252"]}
_COMMON |= {"cp852": _COMMON["cp1250"]}


def is_latin(text: str) -> bool:
    """Whether most of the letters beyond ASCII are Latin, or there is none."""
    letters = [c for c in text if c > "\x7f" and c.isalpha()]
    return sum(unicodedata.name(c, "").startswith("LATIN") for c in letters) >= 0.5 * len(letters)


def best_codepage(sample: bytes) -> str:
    """The one-byte encoding in which a sample makes the most sense."""
    best, best_score = _CANDIDATES[0], float("-inf")
    for candidate in _CANDIDATES:
        try:
            score = _plausibility(sample.decode(candidate), _COMMON[candidate])
        except UnicodeDecodeError:
            continue
        if score > best_score:
            best, best_score = candidate, score
    return best


def _plausibility(text: str, common: str) -> float:
    score = 0.0
    for i, c in enumerate(text):
        if c <= "\x7f":
            continue
        before, after = text[i - 1 : i], text[i + 1 : i + 2]
        if c in common:
            score += 1
        elif not c.isalpha() and before.isalpha() and after.isalpha():
            score -= 2  # a sign amid a word; an apostrophe there is a typographic one
            score += 3 if c == "’" else 0
        elif unicodedata.category(c) in ("Cc", "Cn", "Co"):
            score -= 3
        if c.isupper() and before.islower():
            score -= 2
    return score
