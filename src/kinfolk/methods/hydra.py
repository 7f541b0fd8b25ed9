"""Hydra: any two classes are a pair, within a subspace that is learned for them.

Source: Wu, Atito, Feng, Mo, Kittler & Awais, "Rethinking positive pairs in contrastive learning", 2024, arXiv 2410.18200
(Hydra in version 1, SimLAP in version 2).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from kinfolk.encoders.image import ImageEncoder
from kinfolk.errors import ConfigurationError
from kinfolk.evaluation.class_relations import class_relations
from kinfolk.methods.families import views_of
from kinfolk.methods.joint import embed_views
from kinfolk.methods.method import Batch, Method
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.registry import method
from kinfolk.objectives import GateNetwork, Hydra, draw_target_labels
from kinfolk.views import draw_views, to_float


class ClassPairContrast(Method):
    """One view of each image, a class drawn for it, and the gate of both classes.

    Args:
        encoder: what is trained.
        objective: takes the projections, both classes and the gates.
        gates: a gate for each pair of classes.
        pairs: which class is drawn, see ``draw_target_labels``.
        views, size: see ``views_of``.
        projection: width of the projections.
    """

    def __init__(
        self,
        encoder: ImageEncoder,
        objective: Hydra,
        gates: GateNetwork,
        *,
        pairs: str,
        views: str,
        size: int,
        projection: int,
    ) -> None:
        super().__init__(encoder)
        if pairs not in ("arbitrary", "identical", "distinct"):
            raise ConfigurationError(f"pairs must be 'arbitrary', 'identical' or 'distinct'. Got {pairs!r}.")
        self.projector = nn.Sequential(
            nn.Linear(encoder.dim, projection), nn.GELU(), nn.Linear(projection, projection), nn.LayerNorm(projection)
        )
        self.objective, self.gates, self.pairs = objective, gates, pairs
        self.family = views_of(views, size)

    def embed(self, images: Tensor) -> Tensor:
        """Projections, (items, projection)."""
        projected: Tensor = self.projector(self.encoder(images))
        return projected

    def loss(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """The objective on both views of each image."""
        if batch.labels is None:
            raise ConfigurationError("Hydra learns from labels, and the data have none.")
        views = [view.images for view in draw_views(to_float(batch.images), self.family, generator=generator)]
        first, second = embed_views(nn.Sequential(self.encoder, self.projector), views)
        targets = draw_target_labels(batch.labels, pairs=self.pairs, generator=generator)  # type: ignore[arg-type]
        gates = self.gates(batch.labels, targets)
        value: Tensor = self.objective(first, second, labels=batch.labels, target_labels=targets, gates=gates)
        return value

    @torch.no_grad()
    def facts(self) -> Mapping[str, npt.NDArray[np.floating]]:
        """How the classes relate by their gates: ``class_likeness`` and ``class_overlap``, see ``ClassRelations``."""
        training = self.gates.training
        self.gates.eval()
        classes = torch.arange(self.gates.classes.num_embeddings, device=self.device)
        gates = (self.gates(own.expand_as(classes), classes).numpy(force=True) for own in classes)
        relations = class_relations(gates)
        self.gates.train(training)
        return {"class_likeness": relations.likeness, "class_overlap": relations.overlap}


@method(
    "hydra",
    paper="Wu, Atito, Feng, Mo, Kittler & Awais, Hydra (SimLAP), 2024, arXiv 2410.18200",
    labels=True,
    # by the notes of its authors; with plain gradient descent the gates hardly move and the space stays narrow
    recipe=Recipe(optimizer="adamw", learning_rate=1e-3, weight_decay=5e-4, warmup_epochs=2.0),
)
def hydra(
    encoder: ImageEncoder,
    *,
    size: int = 32,
    temperature: float = 0.1,
    num_classes: int = 1000,
    pairs: str = "arbitrary",
    views: str = "photo",
    projection: int = 256,
) -> ClassPairContrast:
    """Images of any two classes together in the subspace that these share, all other images apart.

    Args:
        encoder: what is trained.
        size: height and width of a view in pixels.
        temperature: in (0, inf).
        num_classes: labels are in [0, num_classes); ``train`` takes it from the data.
        pairs: which class an image is drawn to: "arbitrary", "identical" (its own) or "distinct" (another).
        views: see ``views_of``.
        projection: width of the projections.
    """
    gates = GateNetwork(num_classes, projection, class_dim=128, hidden_dim=256)
    return ClassPairContrast(
        encoder, Hydra(temperature), gates, pairs=pairs, views=views, size=size, projection=projection
    )
