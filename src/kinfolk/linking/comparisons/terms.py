"""Terms of texts: words, numbers and codes as sparse rows over one vocabulary for both tables.

A term is worth its inverse document frequency over both tables (Spärck Jones 1972): sharing "psx-lx350h" says more than
sharing "black". Codes are the letter-and-digit tokens that catalogues are keyed by, written with or without hyphens:
"kx-tg9342t" and "kxtg9342t" are the same code. Quantities ("120gb") are not codes.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Split = Callable[[str], list[str]]

_ENTITY = re.compile(r"&\s*(#\s*\d+|[a-zA-Z]+)\s*;")  # also "&#233 ;", as tokenizers leave it
_WORD = re.compile(r"[0-9]+\.[0-9]+|[^\W_]+")
_ZEROS = re.compile(r"(\d+)\.0+")
_NOT_CODE = re.compile(r"[\W_]+")
_PIECE = re.compile(r"[/,()\[\]|\"]")
_QUANTITY = re.compile(
    r"\d+(?:kb|mb|gb|tb|mm|cm|m|hz|khz|mhz|ghz|inch|in|ft|w|v|mah|x|k|p|th|st|nd|rd|rpm|g|kg|lb|oz|ml|mp)"
)


@dataclass(frozen=True)
class Terms:
    """Which terms the records of two tables hold.

    Attributes:
        left, right: one row a record, one column a term; 1 where it occurs (float32, columns ascending in a row).
        vocabulary: the terms, sorted.
        idf: weight of each term, natural log, at least 0.001; shape (num_terms,).
    """

    left: sp.csr_matrix
    right: sp.csr_matrix
    vocabulary: tuple[str, ...]
    idf: NDArray[np.float64]


def clean(text: str) -> str:
    """Give a text in lower case, without accents and HTML entities."""
    if "&" in text:
        text = html.unescape(_ENTITY.sub(lambda found: f"&{found.group(1).replace(' ', '')};", text))
    text = text.lower()
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(c for c in parts if not unicodedata.combining(c)))


def split_words(text: str) -> list[str]:
    """Give the words and numbers of a clean text; "7.00" is read as "7"."""
    return [_ZEROS.sub(r"\1", word) if "." in word else word for word in _WORD.findall(text)]


def split_codes(text: str) -> list[str]:
    """Give the distinct codes of a clean text, their punctuation removed, in order.

    A code has at least four characters and a digit, and a letter too unless it has five characters or more.
    """
    found: dict[str, None] = {}
    for raw in text.split():
        for piece in (raw, *_PIECE.split(raw)):
            code = squash(piece)
            if len(code) < 4 or code in found or _QUANTITY.fullmatch(code):
                continue
            has_letter = any(c.isalpha() for c in code)
            if any(c.isdigit() for c in code) and (has_letter or len(code) >= 5):
                found[code] = None
    return list(found)


def squash(text: str) -> str:
    """Give a clean text with everything but letters and digits removed."""
    return _NOT_CODE.sub("", text)


def terms_of(left: Sequence[str], right: Sequence[str], split: Split = split_words) -> Terms:
    """Find the terms of clean texts of two tables.

    Args:
        left, right: one clean text a record; "" where missing.
        split: cuts a text into terms.

    Returns:
        Both tables over one sorted vocabulary, and the weight of every term.
    """
    rows = [sorted(set(split(text))) for text in (*left, *right)]
    vocabulary = tuple(sorted({term for row in rows for term in row}))
    position = {term: column for column, term in enumerate(vocabulary)}
    bounds = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    columns = np.array([position[term] for row in rows for term in row], dtype=np.int32)
    matrix = sp.csr_matrix((np.ones(columns.size, np.float32), columns, bounds), shape=(len(rows), len(vocabulary)))
    frequency = np.bincount(columns, minlength=len(vocabulary))
    idf = np.maximum(np.log((1.0 + len(rows)) / (1.0 + frequency)), 1e-3)
    return Terms(matrix[: len(left)], matrix[len(left) :], vocabulary, idf)
