"""WhitenedCSE: three passes of a text, whitened in groups of channels that are dealt anew for each, find each other.

Source: Zhuo, Sun, Wang, Zhu & Yang, "WhitenedCSE: whitening-based contrastive learning of sentence embeddings", ACL 2023,
arXiv 2305.17746. Whitening and head are left out where texts are encoded afterwards, as in the paper.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from kinfolk.encoders.text_by_name import TextTower
from kinfolk.encoders.text_pooling import TanhHead
from kinfolk.methods.registry import method
from kinfolk.methods.texts.method import TextBatch, TextMethod
from kinfolk.methods.texts.simcse import SENTENCES, require_dropout
from kinfolk.objectives import ShuffledGroupWhitening, WhitenedCSE


class WhitenedPasses(TextMethod):
    """Each text several times through the tower, whitened by pass, and the objective on what a head makes of it.

    Args:
        encoder: what is trained; it needs dropout.
        whitening: of the features, items first.
        objective: takes a table a pass.
        head: on the whitened features.
    """

    def __init__(
        self, encoder: TextTower, whitening: ShuffledGroupWhitening, objective: WhitenedCSE, head: nn.Module
    ) -> None:
        super().__init__(encoder)
        self.whitening, self.objective, self.head = whitening, objective, head
        require_dropout(encoder)

    def loss(self, batch: TextBatch, generator: torch.Generator) -> Tensor:
        """The objective on all passes of the first texts."""
        passes = self.whitening.num_views
        features = self.features(batch.texts * passes).unflatten(0, (passes, -1)).transpose(0, 1).flatten(0, 1)
        embedded = self.head(self.whitening(features, generator=generator))
        value: Tensor = self.objective(*embedded.unflatten(0, (-1, passes)).unbind(1))
        return value


@method(
    "whitenedcse",
    paper="Zhuo, Sun, Wang, Zhu & Yang, WhitenedCSE, ACL 2023, arXiv 2305.17746",
    recipe=replace(SENTENCES, batch_size=128, learning_rate=1e-5),
    reads="texts",
)
def whitenedcse(
    encoder: TextTower, *, temperature: float = 0.05, num_groups: int = 0, num_passes: int = 3
) -> WhitenedPasses:
    """Three passes of a text together, each whitened in other groups of channels, all other texts of the batch apart.

    Args:
        encoder: what is trained.
        temperature: in (0, inf).
        num_groups: of channels, a divisor of their number; 0 takes the fewest with at most half as many channels as there are
            texts in a batch.
        num_passes: of a text, at least 3.
    """
    whitening = ShuffledGroupWhitening(num_groups or None, num_views=num_passes)
    return WhitenedPasses(encoder, whitening, WhitenedCSE(temperature), TanhHead(encoder.dim))
