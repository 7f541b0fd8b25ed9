"""GroCo: group ordering constraints, every positive above the hardest negatives.

Sorts the cosines of an anchor to its positives and to its k hardest negatives with a differentiable sorting network,
and asks that positives land on the upper ranks and negatives on the lower ones. Only the order counts: once positives
are above the hardest negatives there is almost no gradient. The steepness of the network takes the place of a
temperature. For an anchor in one view, its p positives in the other views, the k other items of the anchor's own view
that are most similar to it, all constant, and P the relaxed permutation of their cosines [negatives, positives], both
ascending::

    r_m = sum_{j >= k} P[m, j],    L = mean over anchors and their k + p cosines m of
                                       -log r_m where m is a positive, -log(1 - r_m) where it is a negative

Negatives are rows of the anchor's own view only, unlike in NT-Xent. The order is what is trained: after it, cosines
have no scale of their own, and a threshold on them needs calibration.

Source: Shvetsova, Petersen, Kukleva, Schiele & Kuehne, "Learning by sorting: self-supervised learning with group
ordering constraints", ICCV 2023, arXiv 2301.02009.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import as_computed, check_count, check_positive, check_views, full_precision
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register
from kinfolk.objectives.sorting import Network, Relaxation, rank_probabilities

_EPSILON = 1e-8  # least norm of a row, as in the cosine of the authors


def groco_scores(
    views: Sequence[Tensor],
    anchor: int,
    *,
    top_k: int = 10,
    positive_views: int | None = None,
    stop_gradient: bool = True,
) -> Tensor:
    """What is sorted for the anchors of one view: cosines to the hardest negatives, then to the positives.

    Args:
        views: see ``GroCo.forward``.
        anchor: which view the anchors are taken from, counted from 0.
        top_k, positive_views, stop_gradient: see ``GroCo``.

    Returns:
        (items, top_k + positives), each of both parts ascending.

    Raises:
        ConfigurationError: see ``GroCo.forward``.
    """
    _check(views, top_k, positive_views)
    anchors = _unit(views[anchor])
    constant = [_unit(view.detach() if stop_gradient else view) for view in views]
    similarity = anchors @ constant[anchor].T
    itself = torch.eye(len(anchors), dtype=torch.bool, device=anchors.device)
    negatives = similarity.masked_fill(itself, -torch.inf).topk(top_k, dim=1).values
    positives = [(anchors * rows).sum(1) for view, rows in enumerate(constant[:positive_views]) if view != anchor]
    return torch.cat([negatives.flip(1), torch.stack(positives, dim=1).sort(dim=1).values], dim=1)


def groco(
    *views: Tensor,
    top_k: int = 10,
    steepness: float = 1.0,
    positive_views: int | None = None,
    stop_gradient: bool = True,
    relaxation: Relaxation = "cauchy",
    network: Network = "odd_even",
) -> Tensor:
    """GroCo of each anchor, (items, views); the arguments are those of ``GroCo``."""
    _check(views, top_k, positive_views)
    losses = []
    with full_precision(views[0]):
        for anchor in range(len(views)):
            scores = groco_scores(
                views, anchor, top_k=top_k, positive_views=positive_views, stop_gradient=stop_gradient
            )
            rank = torch.arange(scores.shape[1], device=scores.device)
            target = torch.stack([rank >= top_k, rank < top_k], dim=1).to(scores)  # on a positive, on a negative rank
            landed = rank_probabilities(scores, target, steepness=steepness, relaxation=relaxation, network=network)
            # Both columns say the same up to rounding, which is what the clamp and the mean of both are for.
            each = F.binary_cross_entropy(landed.clamp(0, 1), target.expand_as(landed), reduction="none")
            losses.append(each.mean((1, 2)))
    return torch.stack(losses, dim=1)


def _unit(rows: Tensor) -> Tensor:
    return F.normalize(as_computed(rows), dim=1, eps=_EPSILON)


def _check(views: Sequence[Tensor], top_k: int, positive_views: int | None) -> None:
    check_views(views)
    if positive_views is not None and not 2 <= positive_views <= len(views):
        raise ConfigurationError(
            f"positive_views must be in [2, {len(views)}], the number of views. Got {positive_views}."
        )
    if len(views[0]) <= top_k:
        raise ConfigurationError(
            f"top_k = {top_k} negatives need a batch of at least {top_k + 1} items. Got {len(views[0])}. "
            "Use a larger batch or a smaller top_k."
        )


@register("groco", detaches=True)
class GroCo(Objective):
    """Positives above the hardest negatives, by differentiable sorting.

    Args:
        top_k: how many of the most similar items of the anchor's view are its negatives, at least 1.
        steepness: of the sorting network, in (0, inf); the larger, the sooner an anchor in order is left alone.
        positive_views: how many views, the first ones, are positives; None takes all. With crops of two sizes, all are
            anchors and only the full ones are positives.
        stop_gradient: whether positives and negatives are constant, so that a row learns as an anchor only.
        relaxation, network: see ``soft_sort``.
        gather: whether the batch is spread over processes.
    """

    def __init__(
        self,
        top_k: int = 10,
        steepness: float = 1.0,
        *,
        positive_views: int | None = None,
        stop_gradient: bool = True,
        relaxation: Relaxation = "cauchy",
        network: Network = "odd_even",
        gather: bool = False,
    ) -> None:
        super().__init__()
        self.top_k, self.steepness = check_count("top_k", top_k), check_positive("steepness", steepness)
        self.positive_views, self.stop_gradient = positive_views, stop_gradient
        self.relaxation, self.network, self.gather = relaxation, network, gather

    def forward(self, *views: Tensor) -> Tensor:
        """Mean loss over all anchors, at least 0.

        Args:
            views: two or more tensors (items, dim); row i of each is a view of item i.

        Raises:
            ConfigurationError: fewer than two views, not more than ``top_k`` items, or different shapes.
        """
        if self.gather:
            check_views(views, least=1)
            views = tuple(gather_rows(view) for view in views)
        loss = groco(
            *views,
            top_k=self.top_k,
            steepness=self.steepness,
            positive_views=self.positive_views,
            stop_gradient=self.stop_gradient,
            relaxation=self.relaxation,
            network=self.network,
        )
        return loss.mean()
