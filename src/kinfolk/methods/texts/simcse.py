"""SimCSE: a text finds itself, encoded with another dropout; or what belongs to it, among all texts of the batch.

Source: Gao, Yao & Chen, "SimCSE: simple contrastive learning of sentence embeddings", EMNLP 2021, arXiv 2104.08821.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kinfolk.encoders.text_by_name import TextTower
from kinfolk.encoders.text_pooling import TanhHead
from kinfolk.errors import ConfigurationError
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.registry import method
from kinfolk.methods.texts.method import TextBatch, TextMethod
from kinfolk.objectives import SimCSE

SENTENCES = Recipe(
    epochs=1, batch_size=64, optimizer="adamw", learning_rate=3e-5, weight_decay=0.0, warmup_epochs=0.0, clip_norm=1.0
)
"""How encoders that are trained already go on: one pass, in small steps."""


class TwoPasses(TextMethod):
    """Each text twice through the tower, or with what belongs to it, and an objective on what stands on both.

    Args:
        encoder: what is trained; it needs dropout where texts have no positives.
        objective: takes a table a view.
        head: on the features; texts are encoded without it afterwards, unless they were learned from pairs.
        passes: of each text, where it has no positive.
    """

    def __init__(self, encoder: TextTower, objective: nn.Module, head: nn.Module, *, passes: int = 2) -> None:
        super().__init__(encoder)
        self.objective, self.head, self.passes = objective, head, passes

    def loss(self, batch: TextBatch, generator: torch.Generator) -> Tensor:
        """The objective on all views, which go through the tower together, each with a dropout of its own."""
        del generator  # dropout draws from the common numbers
        columns = batch.columns
        if len(columns) == 1:
            require_dropout(self.encoder)
            columns = columns * self.passes
        embedded = self.head(self.features([text for column in columns for text in column]))
        value: Tensor = self.objective(*embedded.chunk(len(columns)))
        return value


def require_dropout(encoder: nn.Module) -> None:
    """Refuse a tower that gives a text the same features twice.

    Raises:
        ConfigurationError: it has no dropout.
    """
    if not any(isinstance(module, nn.Dropout) and module.p > 0 for module in encoder.modules()):
        raise ConfigurationError(
            "Two passes of a text differ by the dropout of the encoder alone, and this one has none. Take 'subwords' or a trained "
            "model, give positives, or take the method contriever."
        )


@method(
    "simcse",
    paper="Gao, Yao & Chen, SimCSE, EMNLP 2021, arXiv 2104.08821",
    recipe=SENTENCES,
    reads="texts",
    texts=3,
)
def simcse(
    encoder: TextTower, *, temperature: float = 0.05, hard_negative_weight: float = 0.0, head: bool = True
) -> TwoPasses:
    """A text and itself, or what belongs to it, together, all other texts of the batch apart.

    Args:
        encoder: what is trained.
        temperature: in (0, inf).
        hard_negative_weight: added to the logit of a text's own hard negative.
        head: whether a layer with a tanh stands on the features while they are learned.
    """
    layer = TanhHead(encoder.dim) if head else nn.Identity()
    return TwoPasses(encoder, SimCSE(temperature, hard_negative_weight), layer)
