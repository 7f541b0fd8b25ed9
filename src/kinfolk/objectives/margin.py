"""Margin loss: records of one class closer than a margin, records of two classes farther apart than another.

With unit rows and distance d = 1 - cosine::

    L = mean over pairs of one class that are farther than m_p of (d - m_p)
      + mean over pairs of two classes that are closer than m_n of (m_n - d)

A mean over no pair is 0. Unlike SupCon it needs no positives: a record that is alone in its class is still pushed away
from the others.

Source: Hadsell, Chopra & LeCun, "Dimensionality reduction by learning an invariant mapping", CVPR 2006, with margins on
both sides and without the square, as CLIPPINGS (arXiv 2304.03464) takes it (margins 0 and 0.5).
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import check_embeddings, check_labels, unit
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.registry import Objective, register


@register("margincontrastive", embeddings=1, needs=("labels",))
class MarginContrastive(Objective):
    """Classes apart by a margin, singletons included.

    Args:
        positive_margin: distance up to which records of a class are left alone, in [0, 2].
        negative_margin: distance from which records of two classes are left alone, in (0, 2].
        gather: whether the batch is spread over processes.

    Raises:
        ConfigurationError: a margin out of its range.
    """

    def __init__(self, positive_margin: float = 0.0, negative_margin: float = 0.5, *, gather: bool = False) -> None:
        super().__init__()
        if not (0 <= positive_margin <= 2 and 0 < negative_margin <= 2):
            raise ConfigurationError(
                f"positive_margin must be in [0, 2] and negative_margin in (0, 2]. Got {positive_margin} and {negative_margin}."
            )
        self.positive_margin, self.negative_margin, self.gather = positive_margin, negative_margin, gather

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Sum of both means, at least 0.

        Args:
            embeddings: raw (items, dim).
            labels: integer (items,).

        Raises:
            ConfigurationError: fewer than two items, or labels that do not fit.
        """
        if self.gather:
            embeddings, labels = gather_rows(embeddings), gather_rows(labels)
        check_embeddings((embeddings,), ("embeddings",))
        check_labels(labels, len(embeddings))
        rows = unit(embeddings)
        one, other = torch.triu_indices(len(rows), len(rows), offset=1, device=rows.device)
        distance = (1 - rows @ rows.T)[one, other]
        same = labels[one] == labels[other]
        return _mean_above_zero(distance[same] - self.positive_margin) + _mean_above_zero(
            self.negative_margin - distance[~same]
        )


def _mean_above_zero(excess: Tensor) -> Tensor:
    positive = excess > 0
    return (excess * positive).sum() / positive.sum().clamp_min(1)
