"""WhitenedCSE: each sentence finds its other views, which were whitened in other groups of channels.

Pulls the first view z1_i to each further view of the same item and pushes it from that view of other items. With s the
cosine, t the temperature and V views, of which the paper has three::

    L = sum_{v=2..V} mean_i -log( e^{s(z1_i,zv_i)/t} / sum_j e^{s(z1_i,zv_j)/t} )

A sum, and the first view is the anchor always. The views come from ``ShuffledGroupWhitening`` and a tanh layer.

Source: Zhuo, Sun, Wang, Zhu & Yang, "WhitenedCSE: whitening-based contrastive learning of sentence
embeddings", ACL 2023, arXiv 2305.17746; the anchor and the sum are those of the authors' code.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.objectives._inputs import check_temperature, check_views
from kinfolk.objectives._tiled import Matmul
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register
from kinfolk.objectives.simcse import sim_cse


@register("whitenedcse", embeddings=3)
class WhitenedCSE(Objective):
    """The first view of an item and each of its other views together, those of other items apart.

    Args:
        temperature: in (0, inf).
        gather: whether the batch is spread over processes.
        matmul: type of the products; "bfloat16" rounds the logits to 8 bits.
    """

    def __init__(self, temperature: float = 0.05, *, gather: bool = False, matmul: Matmul = "float32") -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)
        self.gather, self.matmul = gather, matmul

    def forward(self, *views: Tensor) -> Tensor:
        """Sum over the further views of the mean loss over all items; at random about (views - 1) log(items).

        Args:
            views: three or more tensors (items, dim); row i of each is a view of item i. For two views there is ``SimCSE``.

        Raises:
            ConfigurationError: fewer than three views, no item, or different shapes.
        """
        check_views(views, least_views=3, least=1)
        if self.gather:
            views = tuple(gather_rows(view) for view in views)
        first, *others = views
        losses = [sim_cse(first, other, temperature=self.temperature, matmul=self.matmul).mean() for other in others]
        return torch.stack(losses).sum()
