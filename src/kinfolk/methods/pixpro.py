"""PixPro: pixels of two crops that show the same place agree, one side smoothed by the pixels like it.

Source: Xie, Lin, Zhang, Cao, Lin & Hu, "Propagate yourself: exploring pixel-level consistency for unsupervised visual
representation learning", CVPR 2021, arXiv 2011.10043.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods.families import views_of
from kinfolk.methods.method import Batch
from kinfolk.methods.momentum import MomentumMethod
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.registry import method
from kinfolk.objectives import PixContrast, PixelPropagation, PixPro
from kinfolk.objectives._inputs import check_positive
from kinfolk.views import draw_views, to_float


class PixelConsistency(MomentumMethod):
    """Feature maps of two crops: of the network that is trained, propagated, and of the slow one.

    Args:
        encoder: what is trained; it has feature maps.
        objective: takes both maps of both networks and the boxes.
        propagation: stands between the trained maps and the objective.
        views, size: see ``views_of``.
        projection: channels of the projected maps.
        momentum: of the slow network at the start, in [0, 1]; it rises to 1.
    """

    def __init__(
        self,
        encoder: ImageEncoder,
        objective: PixPro | PixContrast,
        propagation: nn.Module,
        *,
        views: str,
        size: int,
        projection: int,
        momentum: float,
    ) -> None:
        projector = nn.Sequential(
            nn.Conv2d(encoder.place_dim, 2 * projection, 1, bias=False),
            nn.BatchNorm2d(2 * projection),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * projection, projection, 1),
        )
        super().__init__(encoder, projector, momentum=momentum, schedule="cosine")
        self.objective, self.propagation = objective, propagation
        self.family = views_of(views, size)

    def embed(self, images: Tensor) -> Tensor:
        """Features of whole images: the objective sees maps."""
        embedded: Tensor = self.encoder(images)
        return embedded

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The objective on both crops; each goes through the networks by itself, as batch normalization wants it."""
        views = draw_views(to_float(batch.images), self.family, generator=generator)
        online = [self.propagation(self.projector(self.encoder.feature_map(view.images))) for view in views]
        with torch.no_grad():
            targets = [self.key_projector(self.key_encoder.feature_map(view.images)) for view in views]
        boxes = torch.stack([view.boxes for view in views], dim=1)
        value: Tensor = self.objective(*online, *targets, boxes=boxes)
        return value


@method(
    "pixpro",
    paper="Xie, Lin, Zhang, Cao, Lin & Hu, PixPro, CVPR 2021, arXiv 2011.10043",
    # In place of LARS for batches of 1,024: plain descent settles within three epochs on what it knew already.
    recipe=Recipe(optimizer="adamw", learning_rate=1e-3),
)
def pixpro(
    encoder: ImageEncoder,
    *,
    size: int = 32,
    threshold: float = 0.7,
    gamma: float = 2.0,
    contrast: bool = False,
    temperature: float = 0.3,
    momentum: float = 0.99,
    views: str = "asymmetric",
    projection: int = 128,
) -> PixelConsistency:
    """Pixels of two crops that show the same place together.

    Args:
        encoder: what is trained; it has feature maps.
        size: height and width of a crop in pixels.
        threshold: distance below which two pixels are positives, in diagonals of a pixel, in (0, inf).
        gamma: sharpness of the propagation, in (0, inf).
        contrast: whether pixels of other places are pushed apart instead, without propagation (PixContrast).
        temperature: of PixContrast, in (0, inf).
        momentum: of the slow network at the start, in [0, 1].
        views: see ``views_of``.
        projection: channels of the projected maps.
    """
    # Both are made: a setting is checked in any case.
    consistent, contrasting = PixPro(threshold), PixContrast(temperature, threshold=threshold)
    check_positive("gamma", gamma)
    propagation: nn.Module = nn.Identity() if contrast else PixelPropagation(projection, gamma=gamma)
    return PixelConsistency(
        encoder,
        contrasting if contrast else consistent,
        propagation,
        views=views,
        size=size,
        projection=projection,
        momentum=momentum,
    )
