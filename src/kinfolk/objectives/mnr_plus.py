"""MNR+: multiple negatives ranking whose targets are found in the batch, by how alike the texts of either side are.

Anchor i is drawn to positive t_i, the one whose item is most like item i on both sides together, and positive j to anchor
u_j. Mostly that is their own. With a, b the two sides and t the temperature::

    S = (a a^T + b b^T) / 2t,     T = softmax of the rows of S
    L = 1/2 [ CE(a b^T / t, argmax of the rows of T) + CE(b a^T / t, argmax of the columns of T) ]

The targets have no gradient. With cosines a row of S is largest at its own item, and the targets of anchors are their own
positives. With raw products (``similarity="dot"``, ``temperature=1``, the form of the paper) the item of a long vector may
take the place of many.

Source: Hallee, Kapur, Patel, Gleghorn & Khomtchouk, "Contrastive learning and mixture of experts enables precise vector
embeddings", 2024, arXiv 2401.15713, where neither temperature nor normalization is used; cosine and temperature 0.05 by
default, and S at the temperature of the logits, are project definitions.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import as_computed, check_embeddings, check_temperature, unit
from kinfolk.objectives._tiled import TILE, Matmul, cross_entropy, log_sum_exp
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register


@torch.no_grad()
def mnr_plus_targets(anchors: Tensor, positives: Tensor, *, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
    """The positive that each anchor is drawn to, and the anchor that each positive is drawn to, both int64 (items,).

    The first of equally good ones is taken.

    Args:
        anchors, positives: (items, dim), as they are compared: of unit length for cosines.
        temperature: in (0, inf).
    """
    # a a^T + b b^T is the product of the two sides beside each other.
    both = torch.cat([anchors, positives], dim=1) / (2 * temperature) ** 0.5
    of_anchors, best, best_at = [], both.new_full((len(both),), -torch.inf), torch.zeros_like(both[:, 0]).long()
    for start in range(0, len(both), TILE):
        alike = both[start : start + TILE] @ both.T
        of_anchors.append(alike.argmax(1))
        log_share, row = (alike - alike.logsumexp(1, keepdim=True)).max(0)
        best_at = torch.where(log_share > best, row + start, best_at)
        best = torch.maximum(log_share, best)
    return torch.cat(of_anchors), best_at


@register("mnrplus")
class MNRPlus(Objective):
    """Each anchor to the positive of the item most like its own, and each positive to such an anchor.

    Args:
        temperature: in (0, inf); the paper has 1.
        similarity: "cosine" or "dot"; the paper has "dot".
        gather: whether the batch is spread over processes.
        matmul: type of the products of the logits; "bfloat16" rounds them to 8 bits.
    """

    def __init__(
        self,
        temperature: float = 0.05,
        *,
        similarity: Literal["cosine", "dot"] = "cosine",
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__()
        if similarity not in ("cosine", "dot"):
            raise ConfigurationError(f"similarity must be 'cosine' or 'dot'. Got {similarity!r}.")
        self.temperature = check_temperature(temperature)
        self.similarity, self.gather, self.matmul = similarity, gather, matmul

    def forward(self, anchors: Tensor, positives: Tensor) -> Tensor:
        """Mean loss over both directions.

        Args:
            anchors, positives: (items, dim); row i of both is about item i.

        Raises:
            ConfigurationError: fewer than two items, or different shapes.
        """
        check_embeddings((anchors, positives), ("anchors", "positives"))
        if self.gather:
            anchors, positives = gather_rows(anchors), gather_rows(positives)
        ready = unit if self.similarity == "cosine" else as_computed
        a, b = ready(anchors), ready(positives)
        of_anchors, of_positives = mnr_plus_targets(a, b, temperature=self.temperature)
        return (self._towards(a, b, of_anchors) + self._towards(b, a, of_positives)) / 2

    def _towards(self, rows: Tensor, candidates: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of rows among candidates, row i being drawn to candidate ``targets[i]``."""
        rows = rows / self.temperature
        own = torch.arange(len(candidates), device=rows.device)
        negatives = log_sum_exp(rows, candidates, apart=(targets, own), matmul=self.matmul)
        return cross_entropy((rows * candidates[targets]).sum(1), negatives).mean()
