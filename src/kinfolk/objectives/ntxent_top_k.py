"""NT-Xent with the hardest negatives only: the baseline that GroCo is compared with.

As NT-Xent, but of the rows of other items, in all views, only the k most similar to an anchor stay in its
denominator, and everything an anchor is compared with is constant. For unit u, the k hardest negatives H(a) and the
other views P(a) of the item of anchor a, t the temperature::

    L_a = -1/|P(a)| sum_{p in P(a)} log( e^{<a,p>/t} / (sum_{b in P(a)} e^{<a,b>/t} + sum_{b in H(a)} e^{<a,b>/t}) )

Source: Shvetsova, Petersen, Kukleva, Schiele & Kuehne, "Learning by sorting: self-supervised learning with group
ordering constraints", ICCV 2023, arXiv 2301.02009, and the authors' code (two views), which this extends to more as
in NT-Xent.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import (
    check_count,
    check_temperature,
    check_views,
    full_precision,
    item_major,
)
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register


def nt_xent_top_k(*views: Tensor, temperature: float = 0.5, top_k: int = 10, stop_gradient: bool = True) -> Tensor:
    """NT-Xent with the hardest negatives of each anchor, (items, views); the arguments are those of ``NTXentTopK``."""
    check_views(views)
    num_items, num_views = len(views[0]), len(views)
    others = num_views * (num_items - 1)
    if others < top_k:
        raise ConfigurationError(
            f"top_k = {top_k} negatives are more than the {others} that {num_items} items in {num_views} views have. "
            "Use a larger batch or a smaller top_k."
        )
    rows, items = item_major(views)
    with full_precision(rows):
        logits = rows @ (rows.detach() if stop_gradient else rows).T / temperature
    same_item = items[:, None] == items
    itself = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    negatives = logits.masked_fill(same_item, -torch.inf).topk(top_k, dim=1).values
    positives = logits[same_item & ~itself].view(len(rows), num_views - 1)
    positive = positives.mean(1, keepdim=True)  # taken off each logit: see cross_entropy
    loss: Tensor = (torch.cat([positives, negatives], dim=1) - positive).logsumexp(1)
    return loss.view(num_items, num_views)


@register("ntxenttopk", detaches=True)
class NTXentTopK(Objective):
    """Views of one item together, the most similar views of other items apart.

    Args:
        temperature: in (0, inf).
        top_k: how many of the most similar rows of other items are negatives, at least 1.
        stop_gradient: whether positives and negatives are constant, so that a row learns as an anchor only.
        gather: whether the batch is spread over processes.
    """

    def __init__(
        self, temperature: float = 0.5, *, top_k: int = 10, stop_gradient: bool = True, gather: bool = False
    ) -> None:
        super().__init__()
        self.temperature, self.top_k = check_temperature(temperature), check_count("top_k", top_k)
        self.stop_gradient, self.gather = stop_gradient, gather

    def forward(self, *views: Tensor) -> Tensor:
        """Mean loss over all anchors.

        Args:
            views: two or more tensors (items, dim); row i of each is a view of item i.

        Raises:
            ConfigurationError: fewer than two views, fewer than ``top_k`` negatives, or different shapes.
        """
        if self.gather:
            check_views(views, least=1)
            views = tuple(gather_rows(view) for view in views)
        loss = nt_xent_top_k(*views, temperature=self.temperature, top_k=self.top_k, stop_gradient=self.stop_gradient)
        return loss.mean()
