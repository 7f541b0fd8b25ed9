"""The hard contrastive loss, and the simple losses without a softmax: only the nearest negatives are pushed.

Pulls an anchor to its positive and pushes it from the negatives of its hard set, the upper share alpha of its row. With
unit u, v, s_ij = <u_i,v_j>, t the temperature and H_i the hard set::

    hard contrastive  L_i = -log( e^{s_ii/t} / (e^{s_ii/t} + sum_{k in H_i} e^{s_ik/t}) )
    simple            L_i = -s_ii + lambda sum_{k != i} s_ik
    hard simple       L_i = -s_ii + lambda sum_{k in H_i} s_ik

The plain contrastive loss (``InfoNCE(symmetric=False)``) pushes hard negatives hardest, and the more so the lower its
temperature; the simple loss pushes all alike. With the hard set the push on hard negatives is chosen and not left to the
temperature: a high one, which tolerates similar items, still spreads the embeddings, and even the simple loss learns.

Source: Wang & Liu, "Understanding the behaviour of contrastive loss", CVPR 2021, arXiv 2012.09740, section 3. Their hard
set comes from a memory bank; here it comes from the batch, and items equally near stay in it together.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._blocks import BLOCK, by_block
from kinfolk.objectives._inputs import check_embeddings, check_positive, check_temperature, unit
from kinfolk.objectives._tiled import cross_entropy
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register


def hard_negatives(similarity: Tensor, *, top_k: int) -> Tensor:
    """The hard set of each anchor, bool (items, items): the ``top_k`` most similar negatives and what equals the last.

    Args:
        similarity: of anchor i and candidate j, (items, items); the positives are on the diagonal.
        top_k: at least 1; a batch with fewer negatives gives all it has.

    Raises:
        ConfigurationError: ``top_k`` is below 1, or the similarities are not square, or of one item only.
    """
    items = len(similarity)
    if items < 2 or similarity.shape != (items, items) or top_k < 1:
        raise ConfigurationError(
            "Hard negatives need similarities of shape (items, items), at least 2 items, and top_k of at least 1. "
            f"Got shape {tuple(similarity.shape)} and top_k {top_k}."
        )
    return _hard(similarity, torch.arange(items, device=similarity.device), min(top_k, items - 1))


def _hard(similarity: Tensor, own: Tensor, top_k: int) -> Tensor:
    """The hard set of some anchors, bool (anchors, items); ``own`` is the column of the positive of each."""
    negatives = similarity.detach().scatter(1, own[:, None], -torch.inf)
    least = negatives.topk(top_k, dim=1).values[:, -1:]
    return negatives >= least


def hard_contrastive(
    anchors: Tensor,
    positives: Tensor,
    *,
    temperature: float = 0.3,
    alpha: float = 0.1,
    top_k: int | None = None,
    block: int = BLOCK,
) -> Tensor:
    """Hard contrastive loss of each anchor, (items,).

    The arguments are those of ``HardContrastive``; ``block`` is the number of anchors taken at a time.
    """

    def loss(positive: Tensor, similarity: Tensor, hard: Tensor) -> Tensor:
        negatives = (similarity / temperature).masked_fill(~hard, -torch.inf)
        return cross_entropy(positive / temperature, negatives.logsumexp(1))

    return _by_anchor(loss, anchors, positives, alpha, top_k, block)


def simple(anchors: Tensor, positives: Tensor, *, weight: float | None = None) -> Tensor:
    """Simple loss of each anchor, (items,); the arguments are those of ``Simple``."""
    check_embeddings((anchors, positives), ("anchors", "positives"))
    u, v = unit(anchors), unit(positives)
    positive = (u * v).sum(1)
    negatives = u @ v.sum(0) - positive
    return negatives * (1 / (len(u) - 1) if weight is None else weight) - positive


def hard_simple(
    anchors: Tensor,
    positives: Tensor,
    *,
    weight: float | None = None,
    alpha: float = 0.1,
    top_k: int | None = None,
    block: int = BLOCK,
) -> Tensor:
    """Hard simple loss of each anchor, (items,).

    The arguments are those of ``HardSimple``; ``block`` is the number of anchors taken at a time.
    """

    def loss(positive: Tensor, similarity: Tensor, hard: Tensor) -> Tensor:
        negatives = (similarity * hard).sum(1)
        return (negatives / hard.sum(1) if weight is None else weight * negatives) - positive

    return _by_anchor(loss, anchors, positives, alpha, top_k, block)


def _by_anchor(
    loss: Callable[[Tensor, Tensor, Tensor], Tensor],
    anchors: Tensor,
    positives: Tensor,
    alpha: float,
    top_k: int | None,
    block: int,
) -> Tensor:
    """``loss`` of each anchor, (items,): of its positive's cosine, the cosines of its row, and which are its hard set."""
    check_embeddings((anchors, positives), ("anchors", "positives"))
    u, v = unit(anchors), unit(positives)
    count = _size(len(u), alpha, top_k)

    def of_anchors(rows: Tensor, own: Tensor) -> Tensor:
        similarity = rows @ v.T
        return loss(similarity.gather(1, own[:, None]).squeeze(1), similarity, _hard(similarity, own, count))

    return by_block(of_anchors, u, torch.arange(len(u), device=u.device), block=block)


def _size(items: int, alpha: float, top_k: int | None) -> int:
    """Negatives of a hard set, of which there are at least one and at most all."""
    wanted = math.ceil(alpha * (items - 1) - 1e-9) if top_k is None else top_k
    return min(max(wanted, 1), items - 1)


def _check_size(alpha: float, top_k: int | None) -> None:
    if not 0 < alpha <= 1:
        raise ConfigurationError(f"alpha must be in (0, 1]. Got {alpha}.")
    if top_k is not None and top_k < 1:
        raise ConfigurationError(f"top_k must be at least 1. Got {top_k}.")


@register("hardcontrastive")
class HardContrastive(Objective):
    """The contrastive loss among the hardest negatives of each anchor.

    Args:
        temperature: in (0, inf).
        alpha: share of the negatives that make the hard set, in (0, 1]; rounded up. With 1 this is the plain loss.
        top_k: number of negatives instead of a share; a batch with fewer gives all it has.
        gather: whether the batch is spread over processes.
    """

    def __init__(
        self, temperature: float = 0.3, *, alpha: float = 0.1, top_k: int | None = None, gather: bool = False
    ) -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)
        _check_size(alpha, top_k)
        self.alpha, self.top_k, self.gather = alpha, top_k, gather

    def forward(self, anchors: Tensor, positives: Tensor) -> Tensor:
        """Mean loss over all anchors.

        Args:
            anchors, positives: (items, dim); row i of both is about item i.

        Raises:
            ConfigurationError: fewer than two items, or different shapes.
        """
        if self.gather:
            anchors, positives = gather_rows(anchors), gather_rows(positives)
        loss = hard_contrastive(anchors, positives, temperature=self.temperature, alpha=self.alpha, top_k=self.top_k)
        return loss.mean()


@register("simple")
class Simple(Objective):
    """Positive pairs together and all negatives apart alike; the baseline that shows what hard negatives are worth.

    Args:
        weight: lambda, by which the sum over the negatives is multiplied, in (0, inf). None takes their mean, so that
            the balance does not change with the size of the batch.
        gather: whether the batch is spread over processes.
    """

    def __init__(self, weight: float | None = None, *, gather: bool = False) -> None:
        super().__init__()
        self.weight = None if weight is None else check_positive("weight", weight)
        self.gather = gather

    def forward(self, anchors: Tensor, positives: Tensor) -> Tensor:
        """Mean loss over all anchors.

        Args:
            anchors, positives: (items, dim); row i of both is about item i.

        Raises:
            ConfigurationError: fewer than two items, or different shapes.
        """
        if self.gather:
            anchors, positives = gather_rows(anchors), gather_rows(positives)
        return simple(anchors, positives, weight=self.weight).mean()


@register("hardsimple")
class HardSimple(Objective):
    """Positive pairs together, the hardest negatives of each anchor apart, all of these alike.

    Args:
        weight: lambda, by which the sum over the hard set is multiplied, in (0, inf). None takes their mean.
        alpha: share of the negatives that make the hard set, in (0, 1]; rounded up. With 1 this is the simple loss.
        top_k: number of negatives instead of a share; a batch with fewer gives all it has.
        gather: whether the batch is spread over processes.
    """

    def __init__(
        self, weight: float | None = None, *, alpha: float = 0.1, top_k: int | None = None, gather: bool = False
    ) -> None:
        super().__init__()
        self.weight = None if weight is None else check_positive("weight", weight)
        _check_size(alpha, top_k)
        self.alpha, self.top_k, self.gather = alpha, top_k, gather

    def forward(self, anchors: Tensor, positives: Tensor) -> Tensor:
        """Mean loss over all anchors.

        Args:
            anchors, positives: (items, dim); row i of both is about item i.

        Raises:
            ConfigurationError: fewer than two items, or different shapes.
        """
        if self.gather:
            anchors, positives = gather_rows(anchors), gather_rows(positives)
        return hard_simple(anchors, positives, weight=self.weight, alpha=self.alpha, top_k=self.top_k).mean()
