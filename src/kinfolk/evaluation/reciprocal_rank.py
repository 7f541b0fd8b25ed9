"""Mean reciprocal rank: how early the true partner of a query comes among all candidates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError

_CHUNK = 1024


def mean_reciprocal_rank(
    queries: npt.NDArray[np.floating],
    candidates: npt.NDArray[np.floating],
    *,
    groups: npt.NDArray[np.integer] | None = None,
) -> float:
    """Mean of 1 / rank of candidate i for query i by cosine, in (0, 1]; of equal cosines, the others come first.

    Args:
        queries, candidates: (num, dim); row i of both is about item i.
        groups: (num,); other items of its group are no rivals of an item. None takes all for rivals.

    Raises:
        ConfigurationError: different shapes, no rows, or rows that are not finite.
    """
    if queries.shape != candidates.shape or queries.ndim != 2 or not len(queries):
        raise ConfigurationError(
            f"queries and candidates must have one shape (num, dim). Got {queries.shape} and {candidates.shape}."
        )
    if not (np.isfinite(queries).all() and np.isfinite(candidates).all()):
        raise ConfigurationError("queries and candidates must be finite. Got NaN or infinity.")
    left, right = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (queries, candidates))
    total = 0.0
    for start in range(0, len(left), _CHUNK):
        cosines = left[start : start + _CHUNK] @ right.T
        own = cosines[np.arange(len(cosines)), start + np.arange(len(cosines))]
        ahead = cosines >= own[:, None]
        if groups is not None:
            ahead &= groups[start : start + _CHUNK, None] != groups
        else:
            ahead[np.arange(len(cosines)), start + np.arange(len(cosines))] = False
        total += float((1 / (1 + ahead.sum(1))).sum())
    return total / len(left)


def class_reciprocal_rank(
    vectors: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    *,
    others: npt.NDArray[np.floating] | None = None,
) -> float | None:
    """Mean of 1 / rank of the nearest record of the same class, itself left out, in (0, 1]; None where no class has two.

    Of equal cosines, records of other classes come first.

    Args:
        vectors: (records, dim).
        labels: (records,).
        others: (num, dim), records of none of these classes, among which those of the same class are looked for, too.

    Raises:
        ConfigurationError: vectors and labels of different lengths, or vectors that are not finite.
    """
    if vectors.ndim != 2 or labels.shape != (len(vectors),) or not np.isfinite(vectors).all():
        raise ConfigurationError(
            f"vectors must be finite (records, dim), with as many labels. Got shapes {vectors.shape} and {labels.shape}."
        )
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    rivals = units[:0] if others is None else others / np.maximum(np.linalg.norm(others, axis=1, keepdims=True), 1e-12)
    ranks: list[npt.NDArray[np.int64]] = []
    for start in range(0, len(units), _CHUNK):
        cosines = units[start : start + _CHUNK] @ units.T
        here = np.arange(len(cosines))
        same = labels[start : start + _CHUNK, None] == labels
        same[here, start + here] = False
        cosines[here, start + here] = -np.inf
        best = np.where(same, cosines, -np.inf).max(axis=1)
        asked = same.any(axis=1)
        ahead = (~same & (cosines >= best[:, None]) & np.isfinite(cosines)).sum(axis=1)
        ahead += (units[start : start + _CHUNK] @ rivals.T >= best[:, None]).sum(axis=1)
        ranks.append(1 + ahead[asked])
    found = np.concatenate(ranks) if ranks else np.zeros(0, np.int64)
    return float((1 / found).mean()) if len(found) else None


def source_reciprocal_rank(
    vectors: npt.NDArray[np.floating],
    labels: npt.NDArray[np.integer],
    sources: npt.NDArray[np.integer],
    *,
    others: npt.NDArray[np.floating] | None = None,
    other_sources: npt.NDArray[np.integer] | None = None,
) -> float | None:
    """Mean of 1 / rank of the nearest record of the same class in another source, in (0, 1]; None where no class is in two.

    A record asks each other source that has its class, and only records of that source are its rivals, as where one table is linked
    to another. Of equal cosines, records of other classes come first.

    Args:
        vectors, labels, others: see ``class_reciprocal_rank``.
        sources: of the records, (records,).
        other_sources: of the others, (num,).

    Raises:
        ConfigurationError: lengths that differ, or vectors that are not finite.
    """
    rivals, of_rivals = (
        (vectors[:0], sources[:0]) if others is None or other_sources is None else (others, other_sources)
    )
    if vectors.ndim != 2 or not len(vectors) == len(labels) == len(sources) or len(rivals) != len(of_rivals):
        raise ConfigurationError(
            "vectors, labels and sources must be of one length, and so must others and other_sources. "
            f"Got {len(vectors)}, {len(labels)} and {len(sources)}, and {len(rivals)} and {len(of_rivals)}."
        )
    if not (np.isfinite(vectors).all() and np.isfinite(rivals).all()):
        raise ConfigurationError("vectors and others must be finite. Got NaN or infinity.")
    units, strange = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in (vectors, rivals))
    ranks: list[npt.NDArray[np.int64]] = []
    for source in np.unique(sources):
        here = np.flatnonzero(sources == source)
        asking = np.flatnonzero((sources != source) & np.isin(labels, labels[here]))
        for start in range(0, len(asking), _CHUNK):
            some = asking[start : start + _CHUNK]
            cosines, same = units[some] @ units[here].T, labels[some, None] == labels[here]
            best = np.where(same, cosines, -np.inf).max(axis=1, keepdims=True)
            ahead = (~same & (cosines >= best)).sum(axis=1)
            ahead += (units[some] @ strange[of_rivals == source].T >= best).sum(axis=1)
            ranks.append(1 + ahead)
    found = np.concatenate(ranks) if ranks else np.zeros(0, np.int64)
    return float((1 / found).mean()) if len(found) else None
