"""SupCon: SimCLR whose positives are all images of one label.

Source: Khosla et al., "Supervised contrastive learning", NeurIPS 2020, arXiv 2004.11362.
"""

from __future__ import annotations

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods.families import views_of
from kinfolk.methods.joint import JointEmbedding
from kinfolk.methods.registry import method
from kinfolk.objectives import SupCon


@method("supcon", paper="Khosla et al., SupCon, NeurIPS 2020, arXiv 2004.11362", labels=True)
def supcon(
    encoder: ImageEncoder,
    *,
    size: int = 32,
    temperature: float = 0.1,
    views: str = "photo",
    projection: int = 128,
) -> JointEmbedding:
    """Images of one label together, all others apart.

    Args:
        encoder: what is trained.
        size: height and width of a view in pixels.
        temperature: in (0, inf).
        views: see ``views_of``.
        projection: width of the projections.
    """
    return JointEmbedding(encoder, SupCon(temperature), views_of(views, size), projection=projection)
