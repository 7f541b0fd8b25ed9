"""Pairs of texts by inverse propensity: positives that mean the same in other words, negatives of the same words.

This is a project definition. The paper it follows was read as far as its abstract, which says that simple rules for pairs
prefer texts that look alike, and that pairs are to be drawn by inverse propensity from a surface and a semantic similarity;
the formulas are ours. For an anchor x and a candidate c, with texts cut into words::

    surface(x,c) = 1 - edits(x,c) / max(|x|,|c|)       e(x,c) = (cos(h_x,h_c) + 1) / 2,  h a frozen encoder

    w+(c) = max(e,eps)^alpha / max(surface,eps)^beta   w-(c) = 1 / w+(c)

each normalized over the candidates of x. Positives are drawn by w+ among candidates with e >= e_pos, hard negatives by w-
among those with e <= e_neg whose words are not those of x; both without replacement.

Source: project definition after the abstract of Miao, Du & Zhang, "DebCSE: rethinking unsupervised contrastive sentence
embedding learning in the debiasing perspective", CIKM 2023, arXiv 2309.07396.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from kinfolk.errors import ConfigurationError, DataError

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]

# Scripts that leave no spaces between words: Thai and Lao, Burmese, Khmer, kana, Chinese characters, half-width kana.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_UNSPACED}]|[^\s{_UNSPACED}]+")


def surface_words(text: str) -> tuple[str, ...]:
    """What a text is compared by: its words in lower case, cut at spaces; characters in scripts that leave no spaces."""
    return tuple(_WORD.findall(text.lower()))


def surface_similarity(anchor: Sequence[Hashable], candidates: Sequence[Sequence[Hashable]]) -> Numbers:
    """How many words two texts share in their order: 1 minus the word edits over the words of the longer one.

    Args:
        anchor: a text in words, such as those of ``surface_words`` or of a tokenizer.
        candidates: texts in words.

    Returns:
        In [0, 1], (candidates,); 1 for the same words, and for two texts without any.
    """
    similarities = (Levenshtein.normalized_similarity(anchor, candidate) for candidate in candidates)
    return np.fromiter(similarities, dtype=np.float64, count=len(candidates))


def semantic_similarity(cosines: npt.ArrayLike) -> Numbers:
    """Similarity e of cosines, (cos + 1) / 2: in [0, 1] also where rounding has left [-1, 1]."""
    return np.clip((np.asarray(cosines, dtype=np.float64) + 1) / 2, 0, 1)


def inverse_propensity(
    semantic: npt.ArrayLike, surface: npt.ArrayLike, *, alpha: float = 2.0, beta: float = 1.0, eps: float = 0.05
) -> tuple[Numbers, Numbers]:
    """Probability of each candidate as a positive and as a hard negative, before any of them is ruled out.

    Args:
        semantic: e of each candidate, in [0, 1], (..., candidates); NaN for a candidate that an anchor does not have.
        surface: surface similarity of each candidate, in [0, 1], of the same shape.
        alpha: how much meaning counts, in [0, inf); with 0 it does not.
        beta: how much the words count, in [0, inf); with 0 they do not.
        eps: similarities below it count as much, in (0, 1].

    Returns:
        Probabilities as positive and as negative, of the same shape; each sums to 1 over the candidates of an anchor, and is
        0 for one that it does not have.

    Raises:
        ConfigurationError: alpha, beta or eps out of range.
        DataError: similarities outside [0, 1], or of different shapes.
    """
    logits = _log_weights(semantic, surface, alpha, beta, eps)
    return _normalized(logits), _normalized(-logits)


@dataclass(frozen=True, eq=False)
class DrawnPairs:
    """Which candidates were drawn for each anchor.

    Attributes:
        positives: numbers of candidates, int64 (anchors, num_positives); -1 stands for the anchor itself in another view.
        negatives: numbers of candidates, int64 (anchors, num_negatives); -1 stands for none.
    """

    positives: Places
    negatives: Places


def draw_pairs(
    semantic: npt.ArrayLike,
    surface: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    num_positives: int = 1,
    num_negatives: int = 1,
    alpha: float = 2.0,
    beta: float = 1.0,
    eps: float = 0.05,
    e_pos: float = 0.75,
    e_neg: float = 0.6,
) -> DrawnPairs:
    """Draw positives and hard negatives of each anchor from its candidates, without replacement.

    Args:
        semantic: e of each candidate, in [0, 1], (anchors, candidates); NaN for a candidate that an anchor does not have.
        surface: surface similarity of each candidate, in [0, 1], of the same shape.
        rng: where random numbers come from: the same seed draws the same pairs.
        num_positives: P, at least 1.
        num_negatives: N, at least 0.
        alpha, beta, eps: see ``inverse_propensity``.
        e_pos: a positive has at least this e, in [0, 1].
        e_neg: a hard negative has at most this e, in [0, e_pos). Take it below the median e of a text and its augmentations.

    Returns:
        The candidates drawn. An anchor with too few that pass gets its own view for a positive, and none for a negative.

    Raises:
        ConfigurationError: a setting is out of range.
        DataError: similarities outside [0, 1], or of different shapes.
    """
    if num_positives < 1 or num_negatives < 0:
        raise ConfigurationError(
            f"num_positives must be at least 1 and num_negatives at least 0. Got {num_positives} and {num_negatives}."
        )
    if not 0 <= e_neg < e_pos <= 1:
        raise ConfigurationError(f"e_neg and e_pos must be in [0, 1], e_neg the lower one. Got {e_neg} and {e_pos}.")
    logits = _log_weights(semantic, surface, alpha, beta, eps)
    if logits.ndim != 2:
        raise DataError(f"Similarities must be of shape (anchors, candidates). Got {logits.shape}.")
    e, same_words = np.asarray(semantic, dtype=np.float64), np.asarray(surface, dtype=np.float64) >= 1
    may_be_positive, may_be_negative = e >= e_pos, (e <= e_neg) & ~same_words
    return DrawnPairs(
        _draw(np.where(may_be_positive, logits, -np.inf), num_positives, rng),
        _draw(np.where(may_be_negative, -logits, -np.inf), num_negatives, rng),
    )


def _log_weights(semantic: npt.ArrayLike, surface: npt.ArrayLike, alpha: float, beta: float, eps: float) -> Numbers:
    """Log of w+, NaN where there is no candidate; that of w- is its negative. Weights themselves could leave the floats."""
    if not (0 <= alpha < np.inf and 0 <= beta < np.inf and 0 < eps <= 1):
        raise ConfigurationError(
            f"alpha and beta must be in [0, inf) and eps in (0, 1]. Got alpha {alpha}, beta {beta}, eps {eps}."
        )
    e, words = np.asarray(semantic, dtype=np.float64), np.asarray(surface, dtype=np.float64)
    if e.shape != words.shape:
        raise DataError(f"semantic and surface must have one shape. Got {e.shape} and {words.shape}.")
    for name, values in (("semantic", e), ("surface", words)):
        if ((values < 0) | (values > 1)).any():
            raise DataError(f"{name} must be in [0, 1], or NaN. Got {np.nanmin(values):g} to {np.nanmax(values):g}.")
    weights: Numbers = alpha * np.log(np.maximum(e, eps)) - beta * np.log(np.maximum(words, eps))
    return weights


def _normalized(logits: Numbers) -> Numbers:
    known = np.where(np.isnan(logits), -np.inf, logits)
    if not known.shape[-1]:
        return known
    largest = known.max(axis=-1, keepdims=True)
    powers = np.exp(known - np.where(np.isfinite(largest), largest, 0))
    total = powers.sum(axis=-1, keepdims=True)
    shares: Numbers = np.divide(powers, total, out=np.zeros_like(powers), where=total > 0)
    return shares


def _draw(logits: Numbers, num: int, rng: np.random.Generator) -> Places:
    """The ``num`` largest of the logits with Gumbel noise, -1 where they are -inf: draws one after another by weight.

    Source: Kool, van Hoof & Welling, "Stochastic beams and where to find them", ICML 2019, arXiv 1903.06059, section 2.
    """
    noisy = logits + rng.gumbel(size=logits.shape)
    order = np.argsort(-noisy, axis=1, kind="stable")[:, :num]
    drawn = np.full((len(logits), num), -1, dtype=np.int64)
    drawn[:, : order.shape[1]] = np.where(np.isfinite(np.take_along_axis(noisy, order, axis=1)), order, -1)
    return drawn
