"""Noise-contrastive estimation from scores: the ranking form and the binary form.

Both tell the score of a true item from the scores of K items drawn from a noise distribution q. Ranking asks which of the
K + 1 it is; binary asks of each whether it is true or noise, and so estimates normalized probabilities::

    ranking = -log( e^{s+} / (e^{s+} + sum_k e^{s_k}) )
    binary  = -log sigma(s+ - log(K q+)) - sum_k log(1 - sigma(s_k - log(K q_k)))

Source: Gutmann & Hyvarinen, "Noise-contrastive estimation", AISTATS 2010 (binary); Ma & Collins, EMNLP 2018,
arXiv 1809.01812 (both forms); Rethmeier & Augenstein, "A primer on contrastive pretraining in language processing", 2021,
arXiv 2102.12982, section 2 (the survey this follows).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import as_computed, check_embeddings, check_temperature, unit
from kinfolk.objectives._tiled import cross_entropy
from kinfolk.objectives.registry import Objective, register


def ranking_nce(positive: Tensor, negatives: Tensor) -> Tensor:
    """Ranking form of each row, (rows,).

    Args:
        positive: scores of the true items, (rows,).
        negatives: scores of the noise, (rows, K), K >= 1.

    Raises:
        ConfigurationError: shapes that do not fit.
    """
    _check_scores(positive, negatives)
    positive, negatives = as_computed(positive), as_computed(negatives)
    return cross_entropy(positive, negatives.logsumexp(1))


def binary_nce(positive: Tensor, negatives: Tensor, log_q_positive: Tensor, log_q_negatives: Tensor) -> Tensor:
    """Binary form of each row, (rows,).

    Args:
        positive: scores of the true items, (rows,).
        negatives: scores of the noise, (rows, K), K >= 1.
        log_q_positive, log_q_negatives: natural log of the noise distribution at these items, of the same shapes.

    Raises:
        ConfigurationError: shapes that do not fit.
    """
    _check_scores(positive, negatives)
    if log_q_positive.shape != positive.shape or log_q_negatives.shape != negatives.shape:
        raise ConfigurationError(
            f"The noise must have a log-probability for each score: {tuple(positive.shape)} and {tuple(negatives.shape)}. "
            f"Got {tuple(log_q_positive.shape)} and {tuple(log_q_negatives.shape)}."
        )
    log_k = math.log(negatives.shape[1])
    true = as_computed(positive) - log_k - as_computed(log_q_positive)
    noise = as_computed(negatives) - log_k - as_computed(log_q_negatives)
    return F.softplus(-true) + F.softplus(noise).sum(1)


def _check_scores(positive: Tensor, negatives: Tensor) -> None:
    if positive.ndim != 1 or negatives.ndim != 2 or len(negatives) != len(positive) or not negatives.numel():
        raise ConfigurationError(
            "Scores must be (rows,) for the true items and (rows, K) with K >= 1 for the noise. "
            f"Got {tuple(positive.shape)} and {tuple(negatives.shape)}."
        )


@register("binarynce")
class BinaryNCE(Objective):
    """Each pair of an anchor and a candidate is told apart as true or noise, one by one.

    The noise is the other candidates of the batch, drawn uniformly: q = 1 / items.

    Args:
        temperature: in (0, inf); scores are cosines divided by it.
    """

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)

    def forward(self, anchors: Tensor, candidates: Tensor) -> Tensor:
        """Mean loss over all anchors.

        Args:
            anchors, candidates: (items, dim); row i of both is about item i.

        Raises:
            ConfigurationError: fewer than two items, or different shapes.
        """
        check_embeddings((anchors, candidates), ("anchors", "candidates"))
        items = len(anchors)
        scores = unit(anchors) @ unit(candidates).T / self.temperature  # (items, items)
        off = ~torch.eye(items, dtype=torch.bool, device=scores.device)
        noise = scores[off].view(items, items - 1)
        log_q = torch.full_like(noise, -math.log(items))
        return binary_nce(scores.diagonal(), noise, log_q[:, 0], log_q).mean()
