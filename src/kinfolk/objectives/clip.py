"""CLIP: symmetric InfoNCE between two modalities, with a temperature that is learned.

Pulls the image and the text of a pair together and pushes both from the other pairs of the batch. With unit v, w and
scale e^s::

    L = 1/2 [ CE(e^s v w^T, diagonal) + CE(e^s w v^T, diagonal) ]

Source: Radford et al., "Learning transferable visual models from natural language supervision", ICML 2021,
arXiv 2103.00020, figure 3 and section 2.5 (initial temperature 0.07, scale at most 100).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from kinfolk.objectives._inputs import check_temperature, check_within
from kinfolk.objectives._tiled import Matmul
from kinfolk.objectives.gather import gather_rows
from kinfolk.objectives.infonce import info_nce
from kinfolk.objectives.registry import Objective, register

_LARGEST_SCALE = 100.0


@register("clip")
class CLIP(Objective):
    """Image and text of one pair together, other pairs apart; learns its temperature.

    Args:
        temperature: at the start, in [0.01, inf).
        decoupled: whether the positive is left out of the denominator, as in DCL; for small batches.
        gather: whether the batch is spread over processes.
        matmul: type of the products; "bfloat16" rounds the logits to 8 bits.

    Attributes:
        log_scale: log(1 / temperature), a parameter that belongs in no weight decay.
    """

    def __init__(
        self,
        temperature: float = 0.07,
        *,
        decoupled: bool = False,
        gather: bool = False,
        matmul: Matmul = "float32",
    ) -> None:
        super().__init__()
        check_within("1 / temperature", 1 / check_temperature(temperature), 0.0, _LARGEST_SCALE)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / temperature)))
        self.decoupled, self.gather, self.matmul = decoupled, gather, matmul

    @torch.no_grad()
    def clamp(self) -> None:
        """Hold the scale in [1, 100]; to be called after each step of the optimizer."""
        self.log_scale.clamp_(0.0, math.log(_LARGEST_SCALE))

    def forward(self, images: Tensor, texts: Tensor, *, groups: Tensor | None = None) -> Tensor:
        """Mean loss over both directions.

        Args:
            images, texts: (items, dim); row i of both is one pair.
            groups: integer (items,); pairs of one group, such as known duplicates, are no negatives of each other.

        Raises:
            ConfigurationError: fewer than two items or groups, or different shapes.
        """
        if self.gather:
            images, texts = gather_rows(images), gather_rows(texts)
            groups = None if groups is None else gather_rows(groups)
        of_images, of_texts = info_nce(
            images,
            texts,
            temperature=(-self.log_scale).exp(),
            groups=groups,
            decoupled=self.decoupled,
            matmul=self.matmul,
        )
        return (of_images.mean() + of_texts.mean()) / 2
