"""NNCLR: the positive of a view is the nearest earlier image to the other view.

Source: Dwibedi, Aytar, Tompson, Sermanet & Zisserman, "With a little help from my friends: nearest-neighbor contrastive
learning of visual representations", ICCV 2021, arXiv 2104.14548.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods.families import views_of
from kinfolk.methods.heads import mlp_head
from kinfolk.methods.joint import embed_views
from kinfolk.methods.method import Batch, Method
from kinfolk.methods.registry import method
from kinfolk.objectives import NNCLR, nt_xent
from kinfolk.views import draw_views, to_float


class NearestNeighborContrast(Method):
    """Two views, their projections and predictions; NT-Xent until the queue is full, for neighbors are random before.

    Args:
        encoder: what is trained.
        objective: with its queue.
        views, size: see ``views_of``.
        projection: width of the projections.
    """

    def __init__(self, encoder: ImageEncoder, objective: NNCLR, *, views: str, size: int, projection: int) -> None:
        super().__init__(encoder)
        self.projector = mlp_head(encoder.dim, out=projection, layers=3, normalize_output=True)
        self.predictor = mlp_head(projection, out=projection)
        self.objective = objective
        self.family = views_of(views, size)

    def embed(self, images: Tensor) -> Tensor:
        """Projections, (items, projection)."""
        projected: Tensor = self.projector(self.encoder(images))
        return projected

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The objective, or NT-Xent while the queue fills."""
        views = [view.images for view in draw_views(to_float(batch.images), self.family, generator=generator)]
        first, second = embed_views(nn.Sequential(self.encoder, self.projector), views)
        predictions = self.predictor(first), self.predictor(second)
        if not self.objective.queue.is_full:
            self.objective.queue.enqueue(nn.functional.normalize(first.detach(), dim=1), batch.rows)
            warming: Tensor = nt_xent(*predictions, temperature=self.objective.temperature).mean()
            return warming
        value: Tensor = self.objective(first, second, *predictions, ids=batch.rows)
        return value


@method("nnclr", paper="Dwibedi, Aytar, Tompson, Sermanet & Zisserman, NNCLR, ICCV 2021, arXiv 2104.14548")
def nnclr(
    encoder: ImageEncoder,
    *,
    size: int = 32,
    temperature: float = 0.1,
    queue_size: int = 2048,
    views: str = "photo",
    projection: int = 128,
) -> NearestNeighborContrast:
    """A view and the nearest earlier image to the other view together, other images apart.

    Args:
        encoder: what is trained.
        size: height and width of a view in pixels.
        temperature: in (0, inf).
        queue_size: earlier images among which a neighbor is looked for; less than the images there are.
        views: see ``views_of``.
        projection: width of the projections.
    """
    objective = NNCLR(temperature, dim=projection, queue_size=queue_size)
    return NearestNeighborContrast(encoder, objective, views=views, size=size, projection=projection)
