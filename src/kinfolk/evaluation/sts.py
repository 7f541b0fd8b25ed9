"""How well the similarity of two vectors follows what people say about two sentences, and by which shortcuts.

The measure of semantic textual similarity is the rank correlation over all pairs of a set, not the mean over its parts.
Alignment and uniformity say why it is high or low. The probes are definitions of this project: whether pairs are
taken for different because their lengths are, and whether for the same because their words are.

Source: Gao, Yao & Chen, "SimCSE", EMNLP 2021, arXiv 2104.08821, section 3 and appendix B; Wang & Isola, ICML 2020, arXiv
2005.10242 (alignment and uniformity).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kinfolk.errors import DataError
from kinfolk.evaluation.spread import alignment, uniformity, unit_rows

_EVEN = 1e-12  # spread below which numbers are all the same, in units of their size


@dataclass(frozen=True)
class SimilarityMetrics:
    """Similarities of pairs against what people say.

    Attributes:
        spearman: rank correlation of cosine and gold score, in [-1, 1]; 0 where all cosines are the same.
        alignment: mean squared distance of the unit vectors of pairs that mean the same, in [0, 4]; None without any.
        uniformity: log of the mean of e^{-2 d^2} over all pairs of unit vectors at distance d, at most 0.
        pairs: how many there are.
    """

    spearman: float
    alignment: float | None
    uniformity: float
    pairs: int


def evaluate_similarity(
    first: npt.NDArray[np.floating],
    second: npt.NDArray[np.floating],
    gold: npt.ArrayLike,
    *,
    same_above: float = 4.0,
) -> SimilarityMetrics:
    """Compare cosines with gold scores, over all pairs at once.

    Args:
        first, second: the vectors of both sentences of each pair, (pairs, dim).
        gold: what people say, the higher the more alike, (pairs,).
        same_above: pairs with a higher gold score mean the same: 4 on the scale of STS from 0 to 5.

    Raises:
        DataError: shapes that do not fit, numbers that are not finite, fewer than two pairs, or gold scores that are all
            the same.
    """
    said = np.asarray(gold, dtype=np.float64)
    if first.ndim != 2 or first.shape != second.shape or said.shape != (len(first),) or len(first) < 2:
        raise DataError(
            f"first and second must have one shape (pairs, dim), two pairs or more, with a gold score each. "
            f"Got {first.shape}, {second.shape} and {said.shape}."
        )
    left, right = unit_rows(first), unit_rows(second)
    same = said > same_above
    return SimilarityMetrics(
        spearman=spearman((left * right).sum(axis=1), said),
        alignment=alignment(left[same], right[same]) if same.any() else None,
        uniformity=uniformity(np.concatenate([left, right])),
        pairs=len(said),
    )


def spearman(predicted: npt.ArrayLike, gold: npt.ArrayLike) -> float:
    """Correlation of ranks, equal values sharing their mean rank, in [-1, 1]; 0 where all predictions are the same.

    Args:
        predicted, gold: numbers, (pairs,), two or more.

    Raises:
        DataError: shapes that do not fit, numbers that are not finite, or gold scores that are all the same.
    """
    values, said = _paired(predicted, gold)
    if _is_even(said):
        raise DataError(f"Gold scores must differ to be followed. Got {said[0]:g} for all {len(said)} pairs.")
    return 0.0 if _is_even(values) else _correlation(_ranks(values), _ranks(said))


def length_bias(similarity: npt.ArrayLike, gold: npt.ArrayLike, lengths: tuple[npt.ArrayLike, npt.ArrayLike]) -> float:
    """Rank correlation of the difference in length with what the gold score leaves of the similarity, in [-1, 1].

    What is left is the residual of the straight line through the similarities over the gold scores. Below 0, pairs of
    unequal length are taken for less alike than they are; 0 is best. A definition of this project.

    Args:
        similarity: of the two sentences of each pair, (pairs,).
        gold: what people say, (pairs,).
        lengths: of the first and of the second sentences, in words or tokens, (pairs,) each.

    Raises:
        DataError: shapes that do not fit, numbers that are not finite, or fewer than two pairs.
    """
    first, second = _paired(lengths[0], lengths[1])
    return _bias(similarity, gold, np.abs(first - second))


def overlap_bias(similarity: npt.ArrayLike, gold: npt.ArrayLike, overlap: npt.ArrayLike) -> float:
    """Rank correlation of the overlap in words with what the gold score leaves of the similarity, in [-1, 1].

    What is left is the residual of the straight line through the similarities over the gold scores. Above 0, pairs that
    share words are taken for more alike than they are; 0 is best. A definition of this project.

    Args:
        similarity: of the two sentences of each pair, (pairs,).
        gold: what people say, (pairs,).
        overlap: how much the two have in common on the surface, the higher the more, (pairs,).

    Raises:
        DataError: shapes that do not fit, numbers that are not finite, or fewer than two pairs.
    """
    return _bias(similarity, gold, overlap)


def surface_accuracy(paraphrase: npt.ArrayLike, swapped: npt.ArrayLike) -> float:
    """Share of sentences to which a paraphrase is more similar than the same words in another order, in [0, 1].

    A tie is a failure. A definition of this project.

    Args:
        paraphrase: similarity of each sentence to one that means the same, (sentences,).
        swapped: its similarity to one of the same words that means something else, (sentences,).

    Raises:
        DataError: shapes that do not fit, numbers that are not finite, or fewer than two sentences.
    """
    right, wrong = _paired(paraphrase, swapped)
    return float((wrong < right).mean())


def _bias(similarity: npt.ArrayLike, gold: npt.ArrayLike, surface: npt.ArrayLike) -> float:
    values, said = _paired(similarity, gold)
    seen, _ = _paired(surface, surface)
    if len(seen) != len(values):
        raise DataError(f"Lengths and overlaps must be given for each pair. Got {len(seen)} for {len(values)} pairs.")
    centered, by = values - values.mean(), said - said.mean()
    residual = centered if _is_even(said) else centered - by * (centered @ by) / (by @ by)
    if np.abs(residual).max() <= 1e-9 * max(np.abs(values).max(), 1e-300):
        return 0.0  # the line leaves nothing but rounding
    return _correlation(_ranks(residual), _ranks(seen))


def _paired(left: npt.ArrayLike, right: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    first, second = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape or len(first) < 2:
        raise DataError(f"Two numbers a pair are needed, and two pairs or more. Got {first.shape} and {second.shape}.")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise DataError("Similarities, scores and lengths must be finite. Got NaN or infinity.")
    return first, second


def _is_even(values: npt.NDArray[np.float64]) -> bool:
    return float(np.ptp(values)) <= _EVEN * float(np.abs(values).max())


def _ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks from 1 on, equal values sharing their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((counts.cumsum() - (counts - 1) / 2)[place])


def _correlation(left: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> float:
    """Of two rows of ranks; 0 where one of them has a single value."""
    first, second = left - left.mean(), right - right.mean()
    scale = np.sqrt((first @ first) * (second @ second))
    return float(np.clip(first @ second / scale, -1, 1)) if scale else 0.0
