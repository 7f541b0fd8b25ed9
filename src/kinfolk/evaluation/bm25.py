"""BM25: search by words, the baseline that a learned encoder must be compared with.

The score of a document is the sum over the words of the query of ``idf tf / (tf + k1 (1 - b + b length / mean length))``
with ``idf = ln(1 + (N - df + 0.5) / (df + 0.5))``, which is never negative. A word that stands twice in a query counts
twice.

Source: Robertson & Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009, with the idf and without the
constant factor k1 + 1, as in Lucene; k1 0.9 and b 0.4 after Trotman, Jia & Crane, "Towards an efficient and effective
search engine", 2012.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.evaluation.ranking import rank_documents

_WORD = re.compile(r"\w+")
_CHUNK = 64  # queries whose scores of all documents are held at a time


def lower_words(text: str) -> list[str]:
    """The words of a text in lower case: runs of letters, digits and underscores."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True, eq=False)
class WordHits:
    """What queries found, the best first.

    Attributes:
        rows: of the documents, int64 (queries, k), -1 where fewer have a word of the query.
        scores: float64 (queries, k), 0 there.
    """

    rows: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BM25:
    """Documents that can be searched by words, made by ``index_words``.

    Attributes:
        vocabulary: the words of the documents, and the column of each.
        weights: what a word adds to the score of a document, sparse float64 (documents, words).
        words: takes a text apart.
    """

    vocabulary: dict[str, int]
    weights: sp.csr_matrix
    words: Callable[[str], Sequence[str]]

    def scores(self, queries: Sequence[str]) -> sp.csr_matrix:
        """The score of each document for each query, sparse float64 (queries, documents); nothing where no word is shared."""
        columns = [
            [self.vocabulary[word] for word in self.words(query) if word in self.vocabulary] for query in queries
        ]
        return _counts(columns, len(self.vocabulary)) @ self.weights.T

    def search(self, queries: Sequence[str], *, k: int) -> WordHits:
        """The documents of the highest scores for each query; of equal scores the later document first.

        Args:
            queries: any texts.
            k: how many documents, at least 1.

        Raises:
            ConfigurationError: k below 1.
        """
        depth = min(k, self.weights.shape[0])
        rows, scores = [np.zeros((0, depth), np.int64)], [np.zeros((0, depth))]
        for start in range(0, len(queries), _CHUNK):
            table = self.scores(queries[start : start + _CHUNK]).toarray()
            table[table == 0] = -np.inf
            found = rank_documents(table, k=k)
            rows.append(found)
            scores.append(np.where(found < 0, 0, np.take_along_axis(table, found, axis=1)))
        return WordHits(np.concatenate(rows), np.concatenate(scores))


def index_words(
    documents: Sequence[str], *, k1: float = 0.9, b: float = 0.4, words: Callable[[str], Sequence[str]] = lower_words
) -> BM25:
    """Count the words of documents and weigh them.

    Args:
        documents: any texts; one without words is never found.
        k1: how much more a word counts that stands there again, in [0, inf); 0 counts it once.
        b: how much a long document is discounted, in [0, 1].
        words: takes a text apart, documents and queries alike; stemming and stop words belong here.

    Raises:
        ConfigurationError: k1 or b out of range.
        DataError: no document has a word.
    """
    if not 0 <= k1 < float("inf") or not 0 <= b <= 1:
        raise ConfigurationError(f"k1 must be in [0, inf) and b in [0, 1]. Got {k1} and {b}.")
    vocabulary: dict[str, int] = {}
    columns = [[vocabulary.setdefault(word, len(vocabulary)) for word in words(text)] for text in documents]
    if not vocabulary:
        raise DataError(f"BM25 needs words to search by. Got {len(documents)} documents without any.")
    weights = _counts(columns, len(vocabulary))
    num_with = np.bincount(weights.indices, minlength=len(vocabulary))
    rarity = np.log1p((len(documents) - num_with + 0.5) / (num_with + 0.5))
    lengths = np.asarray(weights.sum(axis=1)).ravel()
    saturation = np.repeat(k1 * (1 - b + b * lengths / lengths.mean()), np.diff(weights.indptr))
    weights.data *= rarity[weights.indices] / (weights.data + saturation)
    return BM25(vocabulary, weights, words)


def _counts(columns: Sequence[Sequence[int]], width: int) -> sp.csr_matrix:
    """How often each column occurs in each row, float64."""
    ends = np.concatenate([[0], np.cumsum([len(row) for row in columns], dtype=np.int64)])
    flat = np.fromiter((column for row in columns for column in row), np.int64, count=int(ends[-1]))
    counts = sp.csr_matrix((np.ones(len(flat)), flat, ends), shape=(len(columns), width))
    counts.sum_duplicates()
    return counts
