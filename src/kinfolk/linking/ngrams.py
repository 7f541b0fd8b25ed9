"""Counts of character n-grams and words as sparse matrices, built with array operations only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

_DIRECT_TABLE = 50_000_000  # largest number of possible n-grams that is looked up in a table instead of sorted


def character_ngrams(texts: Sequence[str], size: int = 3) -> sp.csr_matrix:
    """Count the n-grams of characters of each text, with words padded by one space and no n-gram across words.

    The same features as scikit-learn's ``char_wb`` analyzer for words at least ``size - 2`` long.

    Args:
        texts: normalized texts (single spaces, none at the ends).
        size: characters in an n-gram, at least 2.

    Returns:
        Counts (len(texts), distinct n-grams), float32, sorted indices.
    """
    characters = np.frombuffer((" " + " \n ".join(texts) + " ").encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    alphabet, codes = np.unique(characters, return_inverse=True)
    newline, space = np.searchsorted(alphabet, [ord("\n"), ord(" ")])
    row_of = np.cumsum(codes == newline) if len(texts) > 1 else np.zeros(len(codes), dtype=np.int64)
    num_windows = max(0, len(codes) - size + 1)
    key = np.zeros(num_windows, dtype=np.int64)
    valid = np.ones(num_windows, dtype=bool)
    for offset in range(size):
        window = codes[offset : offset + num_windows]
        key = key * len(alphabet) + window
        if len(texts) > 1:
            valid &= window != newline
        if 0 < offset < size - 1:
            valid &= window != space
    key, rows = key[valid], row_of[:num_windows][valid]
    columns, num_columns = _dense_codes(key, len(alphabet) ** size)
    return _counts(rows, columns, len(texts), num_columns)


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


def _dense_codes(key: np.ndarray, num_possible: int) -> tuple[np.ndarray, int]:
    if num_possible <= _DIRECT_TABLE:
        present = np.zeros(num_possible, dtype=bool)
        present[key] = True
        return (np.cumsum(present) - 1)[key], max(1, int(present.sum()))
    distinct, columns = np.unique(key, return_inverse=True)
    return columns, max(1, len(distinct))


def _counts(rows: np.ndarray, columns: np.ndarray, num_rows: int, num_columns: int) -> sp.csr_matrix:
    starts = np.searchsorted(rows, np.arange(num_rows + 1))
    ones = np.ones(len(columns), dtype=np.float32)
    matrix = sp.csr_matrix((ones, columns.astype(np.int32), starts), shape=(num_rows, num_columns))
    matrix.sum_duplicates()
    return matrix
