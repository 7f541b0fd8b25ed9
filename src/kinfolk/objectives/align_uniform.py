"""Alignment and uniformity: the two properties that contrastive learning trades, as losses and as measures.

Alignment pulls the views of an item together; uniformity spreads all rows over the sphere by a Gaussian potential::

    align   = mean_i ||x_i - y_i||^alpha
    uniform = log mean_{i<j} e^{-t ||x_i - x_j||^2}

Both are better the lower they are; uniform is at most 0.

Source: Wang & Isola, "Understanding contrastive representation learning through alignment and uniformity on the
hypersphere", ICML 2020, arXiv 2005.10242, sections 4.1 and 4.2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kinfolk.objectives._inputs import check_embeddings, check_positive, unit
from kinfolk.objectives._tiled import Matmul, log_sum_exp
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register


def alignment(first: Tensor, second: Tensor, *, alpha: float = 2.0) -> Tensor:
    """Mean distance of the rows of two views, to the power alpha, in [0, 2^alpha].

    Args:
        first, second: raw embeddings (items, dim).
        alpha: in (0, inf).

    Raises:
        ConfigurationError: different shapes.
    """
    check_embeddings((first, second), ("view 1", "view 2"), least=1)
    squared = (unit(first) - unit(second)).square().sum(1)
    if alpha == 2:
        return squared.mean()
    apart = squared > 0  # where rows are equal the power has no slope, and must not make one of infinity times zero
    return torch.where(apart, torch.where(apart, squared, 1.0) ** (alpha / 2), 0.0).mean()


def uniformity(embeddings: Tensor, *, t: float = 2.0, matmul: Matmul = "float32") -> Tensor:
    """Log of the mean Gaussian potential over all pairs of rows, at most 0.

    Args:
        embeddings: raw (items, dim), at least two.
        t: sharpness of the potential, in (0, inf).
        matmul: type of the products.

    Raises:
        ConfigurationError: fewer than two items.
    """
    check_embeddings((embeddings,), ("embeddings",))
    rows, count = unit(embeddings), len(embeddings)
    # The potential is e^{2t<x,y> - t|x|^2 - t|y|^2}, and both norms are 1, but for rows of zeros.
    ids, squares = torch.arange(count, device=rows.device), rows.square().sum(1)
    if bool((squares > 0.5).all()):
        of_rows = log_sum_exp(rows * math.sqrt(2 * t), apart=ids, matmul=matmul) - 2 * t
    else:
        left = torch.cat([2 * t * rows, torch.ones_like(squares)[:, None]], dim=1)
        right = torch.cat([rows, -t * squares[:, None]], dim=1)
        of_rows = log_sum_exp(left, right, apart=(ids, ids), matmul=matmul) - t * squares
    return of_rows.logsumexp(0) - math.log(count * (count - 1))


@register("alignuniform")
class AlignUniform(Objective):
    """Views of one item together, all items spread evenly.

    Args:
        alpha: power of the distance in alignment, in (0, inf).
        t: sharpness of the potential in uniformity, in (0, inf).
        uniform_weight: weight of uniformity, the mean of both views', in (0, inf).
        gather: whether the batch is spread over processes.
        matmul: type of the products; "bfloat16" rounds them to 8 bits.
    """

    def __init__(
        self,
        alpha: float = 2.0,
        t: float = 2.0,
        *,
        uniform_weight: float = 1.0,
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__()
        self.alpha, self.t = check_positive("alpha", alpha), check_positive("t", t)
        self.uniform_weight = check_positive("uniform_weight", uniform_weight)
        self.gather, self.matmul = gather, matmul

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Alignment plus weighted uniformity.

        Args:
            first, second: (items, dim); row i of both is a view of item i.

        Raises:
            ConfigurationError: fewer than two items, or different shapes.
        """
        check_embeddings((first, second), ("view 1", "view 2"))
        if self.gather:
            first, second = gather_rows(first), gather_rows(second)
        spread = uniformity(first, t=self.t, matmul=self.matmul) + uniformity(second, t=self.t, matmul=self.matmul)
        return alignment(first, second, alpha=self.alpha) + self.uniform_weight * spread / 2
