"""GroCo: every positive above the hardest negatives, by differentiable sorting.

Source: Shvetsova, Petersen, Kukleva, Schiele & Kuehne, "Learning by sorting: self-supervised learning with group
ordering constraints", ICCV 2023, arXiv 2301.02009.
"""

from __future__ import annotations

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods.families import views_of
from kinfolk.methods.joint import JointEmbedding
from kinfolk.methods.recipe import Recipe
from kinfolk.methods.registry import method
from kinfolk.objectives import GroCo


@method(
    "groco",
    paper="Shvetsova, Petersen, Kukleva, Schiele & Kuehne, GroCo, ICCV 2023, arXiv 2301.02009",
    recipe=Recipe(learning_rate=0.75, weight_decay=1e-6),  # its gradients are small; a short training wants still more
)
def groco(
    encoder: ImageEncoder,
    *,
    size: int = 32,
    top_k: int = 10,
    steepness: float = 1.0,
    views: str = "photo",
    num_views: int = 2,
    projection: int = 2048,
) -> JointEmbedding:
    """Views of one image ranked above the images that are most similar to it.

    Args:
        encoder: what is trained.
        size: height and width of a view in pixels.
        top_k: how many of the most similar images are its negatives, at least 1.
        steepness: of the sorting network, in (0, inf).
        views: see ``views_of``.
        num_views: views of an image, at least 2.
        projection: width of the projections.
    """
    return JointEmbedding(
        encoder,
        GroCo(top_k, steepness),
        views_of(views, size, num=num_views),
        projection=projection,
        hidden=encoder.dim,
        layers=3,
        normalize_output=True,  # without it all cosines are near one, and the order has no gradient
    )
