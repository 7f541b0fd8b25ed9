"""Counts of character n-grams and words as sparse matrices, built with array operations only."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

_DIRECT_TABLE = 50_000_000  # largest number of possible n-grams that is looked up in a table instead of sorted


def character_ngrams(texts: Sequence[str], size: int = 3) -> sp.csr_matrix:
    """Count the n-grams of characters of each text, with words padded by one space and no n-gram across words.

    A padded word shorter than ``size`` is one n-gram by itself, so that no word is lost: the features are those of
    scikit-learn's ``char_wb`` analyzer.

    Args:
        texts: normalized texts (single spaces, none at the ends).
        size: characters in an n-gram, at least 3.

    Returns:
        Counts (len(texts), distinct n-grams), float32, sorted indices.
    """
    codes, num_codes, space, newline = _character_codes(" " + " \n ".join(texts) + " " * (size - 1))
    row_of = np.cumsum(codes == newline, dtype=np.int32)
    num_windows = len(codes) - size + 1
    first = codes[:num_windows]
    key, num_keys = first.astype(np.int64), num_codes
    valid = first != newline
    ended = np.zeros(num_windows, dtype=bool)  # the word is over before the window is; the rest counts as spaces
    for offset in range(1, size):
        window = codes[offset : offset + num_windows]
        if num_keys * num_codes > _DIRECT_TABLE:  # also keeps the keys of long n-grams within 64 bits
            key, num_keys = _dense_codes(key, num_keys)
            key = key.astype(np.int64)
        key *= num_codes
        key += np.where(ended, space, window) if offset > 2 else window
        num_keys *= num_codes
        valid &= ended | (window != newline)
        if offset == 1:
            valid &= window != space
        elif offset < size - 1:
            ended |= window == space
    valid &= ~ended | (first == space)
    columns, num_columns = _dense_codes(key[valid], num_keys)
    return _counts(row_of[:num_windows][valid], columns, len(texts), num_columns)


def words(texts: Sequence[str]) -> tuple[sp.csr_matrix, list[str]]:
    """Count the words of each text.

    Returns:
        Counts (len(texts), distinct words) in float32 with sorted indices, and the words in column order.
    """
    lists = pc.split_pattern(pa.array(texts, pa.large_string()), " ")
    flat = pc.list_flatten(lists)
    rows = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    encoded = flat.dictionary_encode()
    vocabulary: list[str] = encoded.dictionary.to_pylist()
    columns = encoded.indices.to_numpy(zero_copy_only=False)
    empty = vocabulary.index("") if "" in vocabulary else -1
    keep = columns != empty
    return _counts(rows[keep], columns[keep], len(texts), max(1, len(vocabulary))), vocabulary or [""]


def _character_codes(text: str) -> tuple[np.ndarray, int, int, int]:
    """Characters as consecutive numbers in the order of Unicode (int32), how many there are, and two of them.

    Returns:
        Codes, the number of different codes, the code of a space and that of a line break, which may not occur.
    """
    characters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    present = np.zeros(sys.maxunicode + 1, dtype=bool)
    present[characters] = True
    present[[ord(" "), ord("\n")]] = True
    code_of = np.cumsum(present, dtype=np.int32) - 1
    return code_of[characters], int(present.sum()), int(code_of[ord(" ")]), int(code_of[ord("\n")])


def _dense_codes(key: np.ndarray, num_possible: int) -> tuple[np.ndarray, int]:
    """Keys as consecutive numbers in the same order, and how many there are (1 at least)."""
    if num_possible <= _DIRECT_TABLE:
        present = np.zeros(num_possible, dtype=bool)
        present[key] = True
        return (np.cumsum(present, dtype=np.int32) - 1)[key], max(1, int(present.sum()))
    distinct, columns = np.unique(key, return_inverse=True)
    return columns, max(1, len(distinct))


def _counts(rows: np.ndarray, columns: np.ndarray, num_rows: int, num_columns: int) -> sp.csr_matrix:
    starts = np.searchsorted(rows, np.arange(num_rows + 1))
    ones = np.ones(len(columns), dtype=np.float32)
    matrix = sp.csr_matrix((ones, columns.astype(np.int32), starts), shape=(num_rows, num_columns))
    matrix.sum_duplicates()
    return matrix
