"""InfoNCE: each query finds its key among the keys of the batch.

Pulls query i to key i and pushes it from the other keys. With unit q, k and temperature t::

    L = mean_i -log( e^{<q_i,k_i>/t} / sum_j e^{<q_i,k_j>/t} )

and symmetrically the mean of both directions. Queries never meet queries, so there are N - 1 negatives.

Source: van den Oord, Li & Vinyals, "Representation learning with contrastive predictive coding", 2018,
arXiv 1807.03748, equation 4; symmetric: Radford et al., CLIP, ICML 2021, arXiv 2103.00020, figure 3.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import check_embeddings, check_labels, check_temperature, unit
from kinfolk.objectives._tiled import Matmul, cross_entropy, softmax_sums
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register


def info_nce(
    queries: Tensor,
    keys: Tensor,
    *,
    temperature: float | Tensor = 0.07,
    groups: Tensor | None = None,
    decoupled: bool = False,
    matmul: Matmul = "float32",
) -> tuple[Tensor, Tensor]:
    """InfoNCE of each query among the keys and of each key among the queries, both (items,).

    Args:
        queries, keys: raw embeddings (items, dim).
        temperature: in (0, inf); a tensor gets a gradient.
        groups: integer (items,); items of one group, such as known duplicates, are no negatives of each other.
        decoupled: whether the positive is left out of the denominator (DCL, arXiv 2110.06848).
        matmul: type of the products.

    Raises:
        ConfigurationError: fewer than two items or groups, or different shapes.
    """
    check_embeddings((queries, keys), ("queries", "keys"))
    q, k = unit(queries) / temperature, unit(keys)
    apart = torch.arange(len(q), device=q.device)
    if groups is not None:
        check_labels(groups, len(q), name="groups")
        apart = groups
        if bool((groups == groups[0]).all()):
            raise ConfigurationError("All items of the batch are in one group, so there is no negative. Mix groups.")
    negatives = softmax_sums(q, k, apart=(apart, apart), matmul=matmul)
    positive = (q * k).sum(1)
    if decoupled:
        return negatives.rows - positive, negatives.columns - positive
    return cross_entropy(positive, negatives.rows), cross_entropy(positive, negatives.columns)


@register("infonce")
class InfoNCE(Objective):
    """Query and key of one item together, keys of other items apart.

    Args:
        temperature: in (0, inf).
        symmetric: whether keys look for their queries, too, and the loss is the mean of both directions.
        gather: whether the batch is spread over processes.
        matmul: type of the products; "bfloat16" rounds the logits to 8 bits.
    """

    def __init__(
        self,
        temperature: float = 0.07,
        *,
        symmetric: bool = True,
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)
        self.symmetric, self.gather, self.matmul = symmetric, gather, matmul

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Mean loss over all queries (and keys); about log(items) at random.

        Args:
            queries, keys: (items, dim); row i of both is about item i.

        Raises:
            ConfigurationError: fewer than two items, or different shapes.
        """
        if self.gather:
            queries, keys = gather_rows(queries), gather_rows(keys)
        of_queries, of_keys = info_nce(queries, keys, temperature=self.temperature, matmul=self.matmul)
        return (of_queries.mean() + of_keys.mean()) / 2 if self.symmetric else of_queries.mean()
