"""Multiple negatives ranking: each anchor finds its positive among all positives and hard negatives of the batch.

Pulls anchor i to positive i and pushes it from every other positive and from all hard negatives, its own and those of the
other anchors. With c the positives of all items followed by each block of hard negatives::

    L = mean_i -log( e^{sim(a_i,c_i)/t} / sum_j e^{sim(a_i,c_j)/t} )

Equal texts in one batch are false negatives; batches without duplicates belong to the method. With ``similarity="dot"``
it is the loss by which Contriever is tuned on labeled pairs (Izacard et al. 2022, arXiv 2112.09118).

Source: Henderson et al., "Efficient natural language response suggestion for Smart Reply", 2017, arXiv 1705.00652,
section 4; scale 20 (temperature 0.05) as in Reimers & Gurevych's library of sentence transformers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.objectives._inputs import (
    Similarity,
    as_compared,
    check_embeddings,
    check_similarity,
    check_temperature,
    check_within,
)
from kinfolk.objectives._tiled import Matmul, cross_entropy, log_sum_exp, softmax_sums
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register


@register("mnr")
class MultipleNegativesRanking(Objective):
    """Anchor and positive of one item together, all other positives and hard negatives apart.

    Args:
        temperature: in (0, inf).
        similarity: "cosine" or "dot".
        label_smoothing: share of the target that is spread evenly over all candidates, in [0, 1].
        symmetric: whether positives look for their anchors, too (among anchors alone), and the loss is the mean of both.
        gather: whether the batch is spread over processes.
        matmul: type of the products; "bfloat16" rounds the logits to 8 bits.
    """

    def __init__(
        self,
        temperature: float = 0.05,
        *,
        similarity: Similarity = "cosine",
        label_smoothing: float = 0.0,
        symmetric: bool = False,
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)
        self.similarity = check_similarity(similarity)
        self.label_smoothing = check_within("label_smoothing", label_smoothing, 0, 1)
        self.symmetric, self.gather, self.matmul = symmetric, gather, matmul

    def forward(self, anchors: Tensor, positives: Tensor, *hard_negatives: Tensor) -> Tensor:
        """Mean loss over all anchors.

        Args:
            anchors, positives: (items, dim); row i of both is about item i.
            hard_negatives: any number of blocks (items, dim); row i is a hard negative of item i.

        Raises:
            ConfigurationError: different shapes, or an anchor without any negative.
        """
        blocks = (anchors, positives, *hard_negatives)
        names = ["anchors", "positives", *(f"hard negatives {n}" for n in range(1, len(hard_negatives) + 1))]
        check_embeddings(blocks, names, least=1 if hard_negatives else 2)
        if self.gather:
            blocks = tuple(gather_rows(block) for block in blocks)
        rows, *candidates = (as_compared(block, self.similarity) for block in blocks)
        rows = rows / self.temperature
        positive = (rows * candidates[0]).sum(1)
        own = torch.arange(len(rows), device=rows.device)
        among_positives = softmax_sums(rows, candidates[0], apart=(own, own), matmul=self.matmul)
        negatives = among_positives.rows
        if hard_negatives:
            hard = log_sum_exp(rows, torch.cat(candidates[1:]), matmul=self.matmul)
            negatives = torch.logaddexp(negatives, hard)
        loss = self._smoothed(cross_entropy(positive, negatives), positive, rows, *candidates)
        if not self.symmetric:
            return loss
        backward = cross_entropy(positive, among_positives.columns)
        return (loss + self._smoothed(backward, positive, candidates[0], rows)) / 2

    def _smoothed(self, loss: Tensor, positive: Tensor, rows: Tensor, *candidates: Tensor) -> Tensor:
        """The mean loss, where a share of each target is spread over all candidates."""
        if not self.label_smoothing:
            return loss.mean()
        return (loss + self.label_smoothing * (positive - (rows * torch.cat(candidates).mean(0)).sum(1))).mean()
