"""CACR with momentum keys: the large-scale form, several query views against the keys of one view.

As CACR, with positives and negatives from a momentum encoder: the farther a query of an item from its key, the more
it counts among the queries of the item; among the keys of other items the nearer ones count more. For unit queries q
of A views, unit keys k (constants) and temperature T, p held constant::

    p_{a,i} = softmax_a( |q_{a,i} - k_i|^2 / T ),    L = mean_i sum_a p_{a,i} l_{a,i}

    rbf:        l_{a,i} = 2T ( -<q_{a,i},k_i>/T + log sum_j e^{<q_{a,i},k_j>/T} )
    euclidean:  l_{a,i} = (1 - <q_{a,i},k_i>) - sum_{j != i} w_j (1 - <q_{a,i},k_j>),   w = softmax_j( <q_{a,i},k_j>/T )

where w is held constant, too. With one query view the RBF form is InfoNCE, scaled by 2T. A step averages this over
the key views, with the queries of all other views for each. The authors' code sums the Euclidean form over items, so
that it grows with the batch, but not the RBF form; ``reduction="sum"`` does this.

Source: Zheng, Chen, Yao, Yang, Li, Zhang, Zhang, Tsang, Zhou & Zhou, "Contrastive attraction and contrastive
repulsion for representation learning", TMLR 2023, arXiv 2105.03746, and the authors' code for ImageNet.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import check_temperature, check_views, item_major, unit
from kinfolk.objectives._tiled import Matmul, cross_entropy, log_sum_exp, softmax_sums
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register

Cost = Literal["rbf", "euclidean"]
Reduction = Literal["mean", "sum"]


def momentum_cacr(
    *queries: Tensor, keys: Tensor, temperature: float = 1.0, cost: Cost = "rbf", matmul: Matmul = "float32"
) -> Tensor:
    """L of each item, (items,); the arguments are those of ``CACRMomentum``."""
    weights = attraction_weights(*queries, keys=keys, temperature=temperature)
    k = unit(keys.detach())
    rows, items = item_major(queries)
    cosine = (rows.view(*weights.shape, -1) * k[:, None]).sum(2)  # of each query to its own key
    ids = torch.arange(len(k), device=k.device)
    if cost == "rbf":
        negatives = log_sum_exp(rows / temperature, k, apart=(items, ids), matmul=matmul).view_as(cosine)
        each = 2 * temperature * cross_entropy(cosine / temperature, negatives)
    elif cost == "euclidean":
        sums = softmax_sums(rows / temperature, k, apart=(items, ids), means=True, matmul=matmul)
        # The slope of a log-sum-exp is the mean slope with the weights held constant.
        nearest = temperature * (sums.row_means.detach() + sums.rows - sums.rows.detach())
        each = nearest.view_as(cosine) - cosine
    else:
        raise ConfigurationError(f"cost must be of {', '.join(get_args(Cost))}. Got {cost!r}.")
    return (weights * each).sum(1)


@torch.no_grad()
def attraction_weights(*queries: Tensor, keys: Tensor, temperature: float = 1.0) -> Tensor:
    """How much each query counts among those of its item, (items, queries), rows sum to 1.

    Args:
        queries, keys: raw embeddings (items, dim), of one or more query views and of the key view.
        temperature: in (0, inf).

    Raises:
        ConfigurationError: no query view, fewer than two items, or different shapes.
    """
    check_views((*queries, keys))
    distance = torch.stack([unit(query) for query in queries], dim=1) - unit(keys)[:, None]
    return (distance.square().sum(2) / temperature).softmax(1)


@register("cacrmomentum", constants=(1,), detaches=True)
class CACRMomentum(Objective):
    """Queries to the momentum key of their item, the far ones first, and from the nearest other keys.

    Args:
        temperature: in (0, inf); the authors take 1 with a ResNet-50 and 0.2 with a vision transformer.
        cost: "rbf" or "euclidean".
        reduction: "mean" over items, or "sum".
        gather: whether the batch is spread over processes.
        matmul: type of the products over the batch; "bfloat16" rounds them to 8 bits.
    """

    def __init__(
        self,
        temperature: float = 1.0,
        *,
        cost: Cost = "rbf",
        reduction: Reduction = "mean",
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)
        if cost not in get_args(Cost) or reduction not in get_args(Reduction):
            raise ConfigurationError(
                f"cost must be of {', '.join(get_args(Cost))} and reduction of {', '.join(get_args(Reduction))}. "
                f"Got {cost!r} and {reduction!r}."
            )
        self.cost: Cost = cost
        self.reduction: Reduction = reduction
        self.gather, self.matmul = gather, matmul

    def forward(self, *views: Tensor) -> Tensor:
        """Loss of one key view.

        Args:
            views: one or more tensors of queries (items, dim), and last the keys (items, dim), which get no gradient;
                row i of each is about item i.

        Raises:
            ConfigurationError: fewer than two views or two items, or different shapes.
        """
        if self.gather:
            check_views(views, least=1)
            views = tuple(gather_rows(view) for view in views)
        check_views(views)
        *queries, keys = views
        loss = momentum_cacr(*queries, keys=keys, temperature=self.temperature, cost=self.cost, matmul=self.matmul)
        return loss.mean() if self.reduction == "mean" else loss.sum()
