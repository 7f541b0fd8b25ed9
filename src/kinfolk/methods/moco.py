"""MoCo: queries against the keys of many earlier batches, made by a slow copy of the encoder.

Source: He, Fan, Wu, Xie & Girshick, "Momentum contrast for unsupervised visual representation learning", CVPR 2020,
arXiv 1911.05722; the projector of version 2, arXiv 2003.04297.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods.families import views_of
from kinfolk.methods.method import Batch
from kinfolk.methods.momentum import MomentumMethod, usual_projector
from kinfolk.methods.registry import method
from kinfolk.objectives import MoCo
from kinfolk.views import draw_views, to_float


class MomentumContrast(MomentumMethod):
    """A query of one view, a key of the other, and an objective with a queue.

    Args:
        encoder: what is trained.
        objective: MoCo, or one like it.
        views, size: see ``views_of``.
        projection: width of the projections.
        momentum: of the key network, in [0, 1].
        mask_same_item: whether earlier keys of the same image are no negatives, as the data are small.
    """

    def __init__(
        self,
        encoder: ImageEncoder,
        objective: MoCo,
        *,
        views: str,
        size: int,
        projection: int,
        momentum: float,
        mask_same_item: bool,
    ) -> None:
        super().__init__(encoder, usual_projector(encoder, projection), momentum=momentum)
        self.objective = objective
        self.family = views_of(views, size)
        self.mask_same_item = mask_same_item

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The objective on queries of the first view and keys of the second."""
        first, second = draw_views(to_float(batch.images), self.family, generator=generator)
        queries, keys = self.embed(first.images), self.keys(second.images)
        value: Tensor = self.objective(queries, keys, ids=batch.rows if self.mask_same_item else None)
        return value


@method("moco", paper="He, Fan, Wu, Xie & Girshick, MoCo, CVPR 2020, arXiv 1911.05722")
def moco(
    encoder: ImageEncoder,
    *,
    size: int = 32,
    temperature: float = 0.2,
    queue_size: int = 4096,
    momentum: float = 0.99,
    mask_same_item: bool = True,
    views: str = "photo",
    projection: int = 128,
) -> MomentumContrast:
    """Views of one image together, images of many earlier batches apart.

    Args:
        encoder: what is trained.
        size: height and width of a view in pixels.
        temperature: in (0, inf).
        queue_size: keys of earlier batches, at least one batch; a quarter to a half of small data.
        momentum: of the key network, in [0, 1].
        mask_same_item: whether earlier keys of the same image are no negatives.
        views: see ``views_of``.
        projection: width of the projections.
    """
    objective = MoCo(temperature, dim=projection, queue_size=queue_size)
    return MomentumContrast(
        encoder,
        objective,
        views=views,
        size=size,
        projection=projection,
        momentum=momentum,
        mask_same_item=mask_same_item,
    )
