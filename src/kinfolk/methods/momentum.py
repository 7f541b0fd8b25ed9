"""Methods with two networks: one that is trained, and a slow copy of it that makes keys."""

from __future__ import annotations

import copy
from typing import Literal

import torch
from torch import Tensor, nn

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods.heads import mlp_head
from kinfolk.methods.method import Method
from kinfolk.objectives._inputs import check_within
from kinfolk.objectives.momentum import momentum_at, update_key_encoder


class MomentumMethod(Method):
    """A query network, which is trained, and a key network, which follows it.

    Args:
        encoder: what is trained.
        projector: what stands on it; the key network has a copy of both.
        momentum: of the key network at the start, in [0, 1].
        schedule: "constant", or "cosine" to 1 at the end of the training.
    """

    key_encoder: ImageEncoder

    def __init__(
        self,
        encoder: ImageEncoder,
        projector: nn.Module,
        *,
        momentum: float = 0.99,
        schedule: Literal["constant", "cosine"] = "constant",
    ) -> None:
        super().__init__(encoder)
        self.projector = projector
        self.key_encoder = copy.deepcopy(encoder).requires_grad_(False)
        self.key_projector = copy.deepcopy(projector).requires_grad_(False)
        self.momentum, self.schedule = check_within("momentum", momentum, 0.0, 1.0), schedule

    def before_step(self, done: float) -> None:
        """Move the key network; it comes first, so that keys are made by what the queries of this step follow."""
        momentum = momentum_at(round(done * self.steps), self.steps, start=self.momentum, schedule=self.schedule)
        update_key_encoder(self.key_encoder, self.encoder, momentum=momentum)
        update_key_encoder(self.key_projector, self.projector, momentum=momentum)

    def embed(self, images: Tensor) -> Tensor:
        """Projections of the network that is trained, (items, dim)."""
        projected: Tensor = self.projector(self.encoder(images))
        return projected

    @torch.no_grad()
    def keys(self, images: Tensor) -> Tensor:
        """Projections of the key network, (items, dim)."""
        projected: Tensor = self.key_projector(self.key_encoder(images))
        return projected


def usual_projector(encoder: ImageEncoder, projection: int) -> nn.Module:
    """Two layers, as in the second version of MoCo."""
    return mlp_head(encoder.dim, out=projection)
