"""CACR: positives and negatives weighed within their groups, the far positive and the near negative most.

Source: Zheng et al., "Contrastive attraction and contrastive repulsion for representation learning", TMLR 2023,
arXiv 2105.03746.
"""

from __future__ import annotations

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods.families import views_of
from kinfolk.methods.joint import JointEmbedding
from kinfolk.methods.registry import method
from kinfolk.objectives import CACR


@method("cacr", paper="Zheng et al., CACR, TMLR 2023, arXiv 2105.03746")
def cacr(
    encoder: ImageEncoder,
    *,
    size: int = 32,
    tau_pos: float = 1.0,
    tau_neg: float = 0.9,
    views: str = "photo",
    num_views: int = 4,
    projection: int = 128,
) -> JointEmbedding:
    """Far views of one image pulled hardest, near other images pushed hardest.

    Args:
        encoder: what is trained.
        size: height and width of a view in pixels.
        tau_pos, tau_neg: sharpness of the weights of positives and of negatives, in [0, inf).
        views: see ``views_of``.
        num_views: views of an image; with two there is nothing to weigh among the positives.
        projection: width of the projections.
    """
    objective = CACR(tau_pos=tau_pos, tau_neg=tau_neg)
    return JointEmbedding(encoder, objective, views_of(views, size, num=num_views), projection=projection)
