"""SwAV: each view predicts the prototypes that another view of its image is assigned to.

Source: Caron, Misra, Mairal, Goyal, Bojanowski & Joulin, "Unsupervised learning of visual features by contrasting cluster
assignments", NeurIPS 2020, arXiv 2006.09882.
"""

from __future__ import annotations

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods.families import views_of
from kinfolk.methods.joint import JointEmbedding
from kinfolk.methods.registry import method
from kinfolk.objectives import SwAV
from kinfolk.views import ViewRecipe, multi_crop


@method("swav", paper="Caron, Misra, Mairal, Goyal, Bojanowski & Joulin, SwAV, NeurIPS 2020, arXiv 2006.09882")
def swav(
    encoder: ImageEncoder,
    *,
    size: int = 32,
    temperature: float = 0.1,
    num_prototypes: int = 60,
    epsilon: float = 0.05,
    queue_size: int = 0,
    freeze_steps: int = 100,
    num_small: int = 0,
    views: str = "photo",
    projection: int = 128,
) -> JointEmbedding:
    """Views of one image assigned to the same prototypes, and all prototypes used alike.

    Args:
        encoder: what is trained.
        size: height and width of a full view in pixels.
        temperature: of the predictions, in (0, inf).
        num_prototypes: about three times the groups one expects.
        epsilon: of the assignments, in (0, inf).
        queue_size: earlier images that take part in an assignment, where a batch has fewer images than there are
            prototypes; 0 for none.
        freeze_steps: steps before the prototypes move.
        num_small: small crops of half the size, which predict and are not predicted.
        views: of the full views, see ``views_of``.
        projection: width of the projections.
    """
    objective = SwAV(
        temperature,
        dim=projection,
        num_prototypes=num_prototypes,
        epsilon=epsilon,
        queue_size=queue_size,
        freeze_steps=freeze_steps,
    )
    small: tuple[ViewRecipe, ...] = multi_crop(size, small_size=size // 2, num_small=num_small)[2:]
    return JointEmbedding(encoder, objective, (*views_of(views, size), *small), projection=projection)
