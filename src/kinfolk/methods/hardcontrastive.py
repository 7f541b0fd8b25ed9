"""Hard contrastive loss: the softmax runs over the most similar negatives of each image alone.

Source: Wang & Liu, "Understanding the behaviour of contrastive loss", CVPR 2021, arXiv 2012.09740, section 3.3.
"""

from __future__ import annotations

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods.families import views_of
from kinfolk.methods.joint import JointEmbedding
from kinfolk.methods.registry import method
from kinfolk.objectives import HardContrastive


@method(
    "hardcontrastive", paper="Wang & Liu, Understanding the behaviour of contrastive loss, CVPR 2021, arXiv 2012.09740"
)
def hardcontrastive(
    encoder: ImageEncoder,
    *,
    size: int = 32,
    temperature: float = 0.3,
    alpha: float = 0.1,
    views: str = "photo",
    projection: int = 128,
) -> JointEmbedding:
    """Views of one image together, the most similar other images apart.

    Args:
        encoder: what is trained.
        size: height and width of a view in pixels.
        temperature: in (0, inf).
        alpha: share of the negatives that count, the most similar ones, in (0, 1].
        views: see ``views_of``.
        projection: width of the projections.
    """
    objective = HardContrastive(temperature, alpha=alpha)
    return JointEmbedding(encoder, objective, views_of(views, size), projection=projection)
