"""SimCLR: two views of each image, and NT-Xent on their projections.

Source: Chen, Kornblith, Norouzi & Hinton, "A simple framework for contrastive learning of visual representations",
ICML 2020, arXiv 2002.05709.
"""

from __future__ import annotations

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods.families import views_of
from kinfolk.methods.joint import JointEmbedding
from kinfolk.methods.registry import method
from kinfolk.objectives import NTXent


@method("simclr", paper="Chen, Kornblith, Norouzi & Hinton, SimCLR, ICML 2020, arXiv 2002.05709")
def simclr(
    encoder: ImageEncoder,
    *,
    size: int = 32,
    temperature: float = 0.5,
    views: str = "photo",
    num_views: int = 2,
    projection: int = 128,
) -> JointEmbedding:
    """Views of one image together, all other images of the batch apart.

    Args:
        encoder: what is trained.
        size: height and width of a view in pixels.
        temperature: in (0, inf).
        views: see ``views_of``.
        num_views: views of an image, at least 2.
        projection: width of the projections.
    """
    return JointEmbedding(encoder, NTXent(temperature), views_of(views, size, num=num_views), projection=projection)
