"""Model numbers and other codes: equal, related, contradicting, or hidden inside the other record's text.

Shops write one code in many ways ("KX-TG9342T", "kxtg9342t black", "kxtg9342"): so codes are compared without
punctuation, by their longest common part, and searched in the other record's text with all spaces and punctuation
removed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from kinfolk.linking.comparisons.terms import Terms, split_codes, squash, terms_of

CODES = (
    "left_count", "right_count", "best_match", "longest_common", "equal", "same_start", "heaviest_equal",
    "left_found", "left_longest_found", "left_heaviest_found", "right_found", "right_longest_found",
    "right_heaviest_found",
)  # fmt: skip


def compare_codes(
    left_texts: Sequence[str], right_texts: Sequence[str], left: NDArray[np.int32], right: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Compare the codes of pairs of records.

    Args:
        left_texts, right_texts: one clean text a record, "" where missing.
        left, right: row numbers of each pair, shape (n,).

    Returns:
        Shape (n, 13), columns as in ``CODES``: codes on either side; of the best pair of codes the common part as a
        share of the shorter one (less than four common characters count for less), the longest common part in
        characters, whether any two are equal, the longest common start as a share of the longer one, the weight of the
        heaviest equal code; then, for the codes of either side, the share that occurs in the other's squashed text, the
        length and the weight of the best of them. NaN where the side (or, for the first group, either) has no code.
    """
    terms = terms_of(left_texts, right_texts, split_codes)
    bounds, characters = _characters(terms.vocabulary)
    rows = (np.ascontiguousarray(left, dtype=np.int64), np.ascontiguousarray(right, dtype=np.int64))
    sides = [(m.indptr.astype(np.int64), m.indices.astype(np.int64)) for m in (terms.left, terms.right)]
    related = _related(*rows, *sides[0], *sides[1], bounds, characters, terms.idf)
    found_left = _found(*rows, *sides[0], bounds, characters, terms.idf, *_squashed(right_texts))
    found_right = _found(*rows[::-1], *sides[1], bounds, characters, terms.idf, *_squashed(left_texts))
    return np.hstack([related, found_left, found_right])


def code_weights(terms: Terms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give two weightings of word terms: 1 for pure numbers, and 1 for words that mix letters and digits; else 0."""
    digit = np.array([any(c.isdigit() for c in term) for term in terms.vocabulary], dtype=bool)
    letter = np.array([any(c.isalpha() for c in term) for term in terms.vocabulary], dtype=bool)
    return (digit & ~letter).astype(np.float64), (digit & letter).astype(np.float64)


def _characters(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    bounds = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
    # A lone surrogate cannot be encoded strictly, and a broken cell must not stop a run.
    encoded = "".join(texts).encode("utf-32-le", "surrogatepass")
    return bounds, np.frombuffer(encoded, dtype=np.int32)


def _squashed(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    return _characters([squash(text) for text in texts])


@numba.njit(cache=True)
def _common(characters, a, a_end, b, b_end, row):  # type: ignore[no-untyped-def]
    """Length of the longest common substring."""
    best = 0
    row[: b_end - b + 1] = 0
    for i in range(a, a_end):
        diagonal = 0
        for j in range(b_end - b):
            above = row[j + 1]
            row[j + 1] = diagonal + 1 if characters[i] == characters[b + j] else 0
            best = max(best, row[j + 1])
            diagonal = above
    return best


@numba.njit(cache=True)
def _related(  # type: ignore[no-untyped-def]
    left, right, left_bounds, left_codes, right_bounds, right_codes, bounds, characters, weights
):
    out = np.full((len(left), 7), np.nan)
    longest = 0
    for code in range(len(bounds) - 1):
        longest = max(longest, bounds[code + 1] - bounds[code])
    scratch = np.zeros(longest + 1, dtype=np.int64)
    for row in range(len(left)):
        a, a_end = left_bounds[left[row]], left_bounds[left[row] + 1]
        b, b_end = right_bounds[right[row]], right_bounds[right[row] + 1]
        out[row, 0] = a_end - a
        out[row, 1] = b_end - b
        if a == a_end or b == b_end:
            continue
        out[row, 2:] = 0.0
        for i in range(a, a_end):
            for j in range(b, b_end):
                one, other = left_codes[i], right_codes[j]
                one_start, one_end, other_start, other_end = (
                    bounds[one],
                    bounds[one + 1],
                    bounds[other],
                    bounds[other + 1],
                )
                one_length, other_length = one_end - one_start, other_end - other_start
                if one == other:
                    common = one_length
                    start = one_length
                    out[row, 4] = 1.0
                    out[row, 6] = max(out[row, 6], weights[one])
                else:
                    common = _common(characters, one_start, one_end, other_start, other_end, scratch)
                    start = 0
                    while (
                        start < min(one_length, other_length)
                        and characters[one_start + start] == characters[other_start + start]
                    ):
                        start += 1
                share = common / min(one_length, other_length) * min(1.0, common / 4.0)
                out[row, 2] = max(out[row, 2], share)
                out[row, 3] = max(out[row, 3], float(common))
                out[row, 5] = max(out[row, 5], start / max(one_length, other_length))
    return out


@numba.njit(cache=True)
def _found(  # type: ignore[no-untyped-def]
    rows, others, code_bounds, codes, bounds, characters, weights, text_bounds, text
):
    out = np.full((len(rows), 3), np.nan)
    for row in range(len(rows)):
        first, last = code_bounds[rows[row]], code_bounds[rows[row] + 1]
        if first == last:
            continue
        out[row, :] = 0.0
        for i in range(first, last):
            start, length = bounds[codes[i]], bounds[codes[i] + 1] - bounds[codes[i]]
            for at in range(text_bounds[others[row]], text_bounds[others[row] + 1] - length + 1):
                k = 0
                while k < length and text[at + k] == characters[start + k]:
                    k += 1
                if k == length:
                    out[row, 0] += 1.0 / (last - first)
                    out[row, 1] = max(out[row, 1], float(length))
                    out[row, 2] = max(out[row, 2], weights[codes[i]])
                    break
    return out
