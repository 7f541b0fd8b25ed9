"""DCL: SimCLR with the positive taken out of the denominator, for small batches.

Source: Yeh, Hong, Hsu, Liu, Chen & LeCun, "Decoupled contrastive learning", ECCV 2022, arXiv 2110.06848.
"""

from __future__ import annotations

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods.families import views_of
from kinfolk.methods.joint import JointEmbedding
from kinfolk.methods.registry import method
from kinfolk.objectives import DCL, DCLW


@method("dcl", paper="Yeh, Hong, Hsu, Liu, Chen & LeCun, DCL, ECCV 2022, arXiv 2110.06848")
def dcl(
    encoder: ImageEncoder,
    *,
    size: int = 32,
    temperature: float = 0.1,
    weighted: bool = False,
    sigma: float = 0.5,
    views: str = "photo",
    projection: int = 128,
) -> JointEmbedding:
    """Views of one image together, other images apart, and neither slows the other down.

    Args:
        encoder: what is trained.
        size: height and width of a view in pixels.
        temperature: in (0, inf).
        weighted: whether positives that are close already count less (DCLW).
        sigma: temperature of these weights, in (0, inf).
        views: see ``views_of``.
        projection: width of the projections.
    """
    plain, weighing = DCL(temperature), DCLW(temperature, sigma=sigma)  # made both: a setting is checked in any case
    return JointEmbedding(encoder, weighing if weighted else plain, views_of(views, size), projection=projection)
