"""SimCSE: each sentence finds its other view, encoded with another dropout, among those of the batch.

Pulls view z_i to view z'_i of the same item and pushes it from the z'_j of the others, in this one direction. Where there
are hard negatives z-, such as contradictions or confirmed non-matches, z_i is pushed from all of them, and alpha is added
to the logit of its own, which multiplies its exponential by e^alpha. With s the cosine and t the temperature::

    L = mean_i -log( e^{s(z_i,z'_i)/t} / sum_j ( e^{s(z_i,z'_j)/t} + e^{s(z_i,z-_j)/t + alpha [i=j]} ) )

The views differ by the dropout of the encoder alone: where it is off they are equal, and the loss only spreads items.

Source: Gao, Yao & Chen, "SimCSE: simple contrastive learning of sentence embeddings", EMNLP 2021, arXiv 2104.08821,
equations 4 and 5; the weight alpha is that of the authors' code. Their code gives no gradient to rows from other processes;
with ``gather`` these have one here, as if the batch were not split.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import check_embeddings, check_temperature, unit
from kinfolk.objectives._tiled import Matmul, cross_entropy, log_sum_exp
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register


def sim_cse(
    first: Tensor,
    second: Tensor,
    hard_negatives: Tensor | None = None,
    *,
    temperature: float = 0.05,
    hard_negative_weight: float = 0.0,
    matmul: Matmul = "float32",
) -> Tensor:
    """SimCSE of each item, (items,); the arguments are those of ``SimCSE``."""
    _check(first, second, hard_negatives)
    anchors, positives = unit(first) / temperature, unit(second)
    own = torch.arange(len(anchors), device=anchors.device)
    negatives = log_sum_exp(anchors, positives, apart=(own, own), matmul=matmul)
    if hard_negatives is not None:
        hard = unit(hard_negatives)
        own_hard = (anchors * hard).sum(1) + hard_negative_weight
        # Finite first: of one item alone both sums over others are -inf, and -inf added to -inf has no slope.
        hard_sum = torch.logaddexp(own_hard, log_sum_exp(anchors, hard, apart=(own, own), matmul=matmul))
        negatives = torch.logaddexp(hard_sum, negatives)
    return cross_entropy((anchors * positives).sum(1), negatives)


def simcse_logits(
    first: Tensor,
    second: Tensor,
    hard_negatives: Tensor | None = None,
    *,
    temperature: float = 0.05,
    hard_negative_weight: float = 0.0,
) -> Tensor:
    """The logits whose softmax SimCSE is about, to look at: the loss itself never keeps them.

    Returns:
        (items, items), or (items, 2 items) with the columns of the hard negatives behind; the positives are on the diagonal.
    """
    _check(first, second, hard_negatives)
    anchors = unit(first) / temperature
    logits = anchors @ unit(second).T
    if hard_negatives is None:
        return logits
    weight = hard_negative_weight * torch.eye(len(anchors), dtype=logits.dtype, device=logits.device)
    return torch.cat([logits, anchors @ unit(hard_negatives).T + weight], dim=1)


def _check(first: Tensor, second: Tensor, hard_negatives: Tensor | None) -> None:
    tables = (first, second) if hard_negatives is None else (first, second, hard_negatives)
    check_embeddings(tables, ("view 1", "view 2", "hard negatives")[: len(tables)], least=1)


@register("simcse")
class SimCSE(Objective):
    """Both views of one item together, second views and hard negatives of all items apart.

    Args:
        temperature: in (0, inf).
        hard_negative_weight: alpha, a finite number; above 0 an item's own hard negative counts for more than others'.
        gather: whether the batch is spread over processes.
        matmul: type of the products; "bfloat16" rounds the logits to 8 bits.
    """

    def __init__(
        self,
        temperature: float = 0.05,
        hard_negative_weight: float = 0.0,
        *,
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__()
        if not math.isfinite(hard_negative_weight):
            raise ConfigurationError(f"hard_negative_weight must be a finite number. Got {hard_negative_weight}.")
        self.temperature, self.hard_negative_weight = check_temperature(temperature), float(hard_negative_weight)
        self.gather, self.matmul = gather, matmul

    def forward(self, first: Tensor, second: Tensor, hard_negatives: Tensor | None = None) -> Tensor:
        """Mean loss over all items; at random about log(items), 0 for one item that has no hard negative.

        Args:
            first, second: (items, dim); row i of both is a view of item i.
            hard_negatives: (items, dim); row i is a hard negative of item i.

        Raises:
            ConfigurationError: no item, or different shapes.
        """
        if self.gather:
            first, second = gather_rows(first), gather_rows(second)
            hard_negatives = None if hard_negatives is None else gather_rows(hard_negatives)
        loss = sim_cse(
            first,
            second,
            hard_negatives,
            temperature=self.temperature,
            hard_negative_weight=self.hard_negative_weight,
            matmul=self.matmul,
        )
        return loss.mean()
