"""Joint embedding: all views through one encoder and one projector, and an objective on what comes out.

This is the frame of SimCLR and of every method that differs from it in the loss alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods.heads import mlp_head
from kinfolk.methods.method import Batch, Method, needs_of
from kinfolk.objectives import Objective
from kinfolk.views import ViewRecipe, draw_views, to_float


class JointEmbedding(Method):
    """Views of a batch, embedded alike, into an objective.

    Args:
        encoder: what is trained.
        objective: takes one table of embeddings a view.
        family: recipes of the views.
        projection: width of the embeddings that the objective sees.
        hidden: width within the projector.
        layers: of the projector.
        normalize_output: see ``mlp_head``.
    """

    def __init__(
        self,
        encoder: ImageEncoder,
        objective: Objective,
        family: Sequence[ViewRecipe],
        *,
        projection: int = 128,
        hidden: int = 512,
        layers: int = 2,
        normalize_output: bool = False,
    ) -> None:
        super().__init__(encoder)
        self.projector = mlp_head(
            encoder.dim, hidden=hidden, out=projection, layers=layers, normalize_output=normalize_output
        )
        self.objective = objective
        self.family = tuple(family)

    def embed(self, images: Tensor) -> Tensor:
        """Projections, (items, projection)."""
        projected: Tensor = self.projector(self.encoder(images))
        return projected

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The objective on the projections of all views."""
        views = [view.images for view in draw_views(to_float(batch.images), self.family, generator=generator)]
        embedded = embed_views(nn.Sequential(self.encoder, self.projector), views)
        value: Tensor = self.objective(*embedded, **needs_of(self.objective.needs, batch))
        return value


def embed_views(network: nn.Module, views: Sequence[Tensor]) -> list[Tensor]:
    """Embeddings of views; those of one size go through the network together.

    Args:
        network: images to embeddings.
        views: (items, channels, height, width) each, not all of one size.

    Returns:
        (items, dim) for each view, in the given order.
    """
    by_size: dict[torch.Size, list[int]] = {}
    for number, view in enumerate(views):
        by_size.setdefault(view.shape, []).append(number)
    embedded: dict[int, Tensor] = {}
    for numbers in by_size.values():
        together = network(torch.cat([views[number] for number in numbers]))
        embedded.update(zip(numbers, together.chunk(len(numbers)), strict=True))
    return [embedded[number] for number in range(len(views))]
