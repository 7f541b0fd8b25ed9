"""Where hard negatives are looked for: texts with the words of an anchor, near it, or of its label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.evaluation.bm25 import index_words
from kinfolk.search.exact import exact_search

Rows = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]
_CHUNK = 64  # anchors whose scores of all documents are held at a time


@dataclass(frozen=True, eq=False)
class Candidates:
    """Documents that may be negatives of each anchor.

    Attributes:
        documents: their places, the best first, int64 (anchors, depth); -1 where there are fewer.
        scores: how near they are, float64 (anchors, depth); None where they were drawn, not ranked.
        own: how near the positive of each anchor is, float64 (anchors,); None there.
    """

    documents: Rows
    scores: Numbers | None = None
    own: Numbers | None = None


def by_words(
    anchors: Sequence[str], documents: Sequence[str], own: Rows, *, depth: int, score_own: bool = True
) -> Candidates:
    """The documents that share words with each anchor, by BM25.

    Args:
        anchors, documents: any texts.
        own: the place of the positive of each anchor.
        depth: documents of each anchor.
        score_own: whether to score the positives, too, which takes as long again.

    Raises:
        DataError: no document has a word.
    """
    index = index_words(documents)
    found = index.search(anchors, k=depth)
    if not score_own:
        return Candidates(found.rows, found.scores)
    scores = [np.zeros(0)]
    for start in range(0, len(anchors), _CHUNK):
        part = index.scores(anchors[start : start + _CHUNK]).tocsr()
        scores.append(np.asarray(part[np.arange(part.shape[0]), own[start : start + _CHUNK]]).ravel())
    return Candidates(found.rows, found.scores, np.concatenate(scores))


def by_model(anchors: Sequence[str], documents: Sequence[str], own: Rows, *, depth: int, encode: Encode) -> Candidates:
    """The documents nearest to each anchor, by the cosine of an encoder.

    Args:
        anchors, documents, own, depth: see ``by_words``.
        encode: texts to unit vectors, float32 (texts, dim), zeros for a text that it has none for.
    """
    queries, vectors = encode(anchors), encode(documents)
    found = exact_search(queries, vectors, k=min(depth, len(documents)))
    return Candidates(found.rows, found.similarities, np.einsum("id,id->i", queries, vectors[own], dtype=np.float64))


def by_label(labels: Rows, own: Rows, *, depth: int, rng: np.random.Generator) -> Candidates:
    """Positives of anchors of the same label, drawn at random: siblings, such as other products of a category.

    Args:
        labels: of each anchor, int64 (anchors,); all equal for any positives.
        own, depth: see ``by_words``.
        rng: where random numbers come from.
    """
    order = np.argsort(labels, kind="stable")
    _, place, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    starts = np.cumsum(sizes) - sizes
    drawn = rng.integers(0, sizes[place][:, None], (len(labels), depth))
    return Candidates(own[order[starts[place][:, None] + drawn]])
