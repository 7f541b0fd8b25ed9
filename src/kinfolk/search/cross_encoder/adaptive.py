"""Anchors chosen anew for each query, round by round: AdaCUR, and ANNCUR as its case of two rounds.

The first round scores some items that are given: the same random ones for all queries, or the best of a cheap first stage. Each
later round approximates the scores of all items by those known so far (see ``cur``) and scores the most promising of the others.
Every item that was scored is an anchor from then on, and the answer is the best of all that were scored.

Yadav, Monath, Zaheer & McCallum, "Efficient k-NN Search with Cross-Encoders using Adaptive Multi-Round CUR Decomposition",
Findings of EMNLP 2023, arXiv 2305.02996. Written from the published description: no code of the authors was found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.cross_encoder.cur import RCOND, Floats, Rows, inverse_of

Strategy = Literal["topk", "softmax"]
STRATEGIES = ("topk", "softmax")


@dataclass(frozen=True, eq=False)
class Rounds:
    """What the rounds scored.

    Attributes:
        anchors: items in the order in which they were scored, int64 (num queries, num scored).
        scores: their exact scores, float64 in the same shape.
        inverses: how often a pseudo-inverse was made, once where queries share their anchors.
    """

    anchors: Rows
    scores: Floats
    inverses: int

    def best(self, k: int) -> tuple[Rows, Floats]:
        """The k best of what was scored and their scores, best first; of equal ones the earlier item first."""
        order = np.lexsort((self.anchors, -self.scores), axis=1)[:, :k]
        return np.take_along_axis(self.anchors, order, axis=1), np.take_along_axis(self.scores, order, axis=1)


def adaptive_rounds(
    anchor_scores: Floats,
    score: Callable[[Rows, Rows], Floats],
    first: npt.ArrayLike,
    *,
    steps: Sequence[int],
    strategy: Strategy = "topk",
    seeds: Sequence[int] | None = None,
    order: Rows | None = None,
    rcond: float = RCOND,
    ridge: float = 0.0,
) -> Rounds:
    """Score the most promising items of each query in rounds.

    All queries go through a round together, so that the scorer gets its pairs in large batches.

    Args:
        anchor_scores: R, scores of the anchor queries against all items, float64 (num anchor queries, num items).
        score: exact scores of pairs: numbers of queries and of items in, int64 (n,) each, float64 (n,) out.
        first: items of the first round, int64 (num queries, num first), no item twice for one query.
        steps: how many items each later round scores; together with the first round not more than there are items.
        strategy: "topk" takes the items with the best approximate scores, "softmax" draws them without replacement with
            probabilities in proportion to exp(approximate score).
        seeds: of the draws, one a query, so that no query depends on those beside it; None takes their numbers.
        order: of the items, int64 (num items,): draws are dealt out in it; None takes theirs.
        rcond, ridge: see ``cur.anchor_inverse``.

    Raises:
        ConfigurationError: an unknown strategy.
        DataError: an item twice in the first round, or more items asked for than there are.
    """
    if strategy not in STRATEGIES:
        raise ConfigurationError(f"strategy must be one of {', '.join(STRATEGIES)}. Got {strategy!r}.")
    anchors = np.asarray(first, dtype=np.int64)
    num_queries, num_items = len(anchors), anchor_scores.shape[1]
    if any(len(np.unique(row)) < len(row) for row in anchors):
        raise DataError("first must name no item twice for one query. Some came twice; name each once.")
    if anchors.shape[1] + sum(steps) > num_items:
        raise DataError(f"There are {num_items} items to score. Got rounds of {anchors.shape[1]} and {list(steps)}.")
    draws = [np.random.default_rng(seed) for seed in (range(num_queries) if seeds is None else seeds)]
    scores = _score_all(score, anchors)
    inverses = 0
    for step in steps:
        approximate, made = approximate_scores(anchor_scores, anchors, scores, rcond=rcond, ridge=ridge)
        inverses += made
        if strategy == "softmax":
            # The largest of score + Gumbel noise is a draw by softmax; the largest few are one without replacement.
            noise = np.array([draw.gumbel(size=num_items) for draw in draws]).reshape(approximate.shape)
            approximate[:, slice(None) if order is None else order] += noise
        np.put_along_axis(approximate, anchors, -np.inf, axis=1)
        chosen = np.argsort(-approximate, axis=1, kind="stable")[:, :step]
        anchors = np.hstack([anchors, chosen])
        scores = np.hstack([scores, _score_all(score, chosen)])
    return Rounds(anchors, scores, inverses)


def approximate_scores(
    anchor_scores: Floats, anchors: Rows, scores: Floats, *, rcond: float = RCOND, ridge: float = 0.0
) -> tuple[Floats, int]:
    """Scores of all items by those of each query's own anchors, and how many pseudo-inverses that took.

    Args:
        anchor_scores: R, (num anchor queries, num items).
        anchors: of each query, (num queries, num anchors).
        scores: exact ones of the anchors, in the same shape.
        rcond, ridge: see ``cur.anchor_inverse``.

    Returns:
        float64 (num queries, num items), and the number.
    """
    # A query is a weighted sum of anchor queries, as its scores against the anchors say: c U. Items cost one product.
    weights = np.zeros((len(anchors), len(anchor_scores)))
    if not anchors.shape[1]:
        return weights @ anchor_scores, 0
    shared: dict[bytes, list[int]] = {}
    for row, columns in enumerate(anchors):
        shared.setdefault(columns.tobytes(), []).append(row)
    for rows in shared.values():
        inverse = inverse_of(anchor_scores[:, anchors[rows[0]]], rcond=rcond, ridge=ridge)
        for row in rows:  # each by itself: the last bits of a product depend on what stands beside it
            weights[row] = scores[row] @ inverse
    return np.array([weight @ anchor_scores for weight in weights]).reshape(len(anchors), -1), len(shared)


def _score_all(score: Callable[[Rows, Rows], Floats], items: Rows) -> Floats:
    queries = np.repeat(np.arange(len(items)), items.shape[1])
    return score(queries, items.ravel()).reshape(items.shape)
