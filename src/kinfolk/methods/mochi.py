"""MoCHi: MoCo with synthetic negatives, mixed from the hardest ones of the queue.

Source: Kalantidis, Sariyildiz, Pion, Weinzaepfel & Larlus, "Hard negative mixing for contrastive learning", NeurIPS 2020,
arXiv 2010.01028.
"""

from __future__ import annotations

from kinfolk.encoders.image import ImageEncoder
from kinfolk.methods.moco import MomentumContrast
from kinfolk.methods.registry import method
from kinfolk.objectives import MoCHi


@method("mochi", paper="Kalantidis, Sariyildiz, Pion, Weinzaepfel & Larlus, MoCHi, NeurIPS 2020, arXiv 2010.01028")
def mochi(
    encoder: ImageEncoder,
    *,
    size: int = 32,
    temperature: float = 0.2,
    queue_size: int = 4096,
    num_hard: int = 256,
    num_pairs: int = 256,
    num_with_query: int = 64,
    warmup_items: int = 0,
    momentum: float = 0.99,
    mask_same_item: bool = True,
    views: str = "photo",
    projection: int = 128,
) -> MomentumContrast:
    """MoCo with harder negatives than there are, mixed from the hardest of the queue.

    Args:
        encoder: what is trained.
        size: height and width of a view in pixels.
        temperature: in (0, inf).
        queue_size: keys of earlier batches, at least one batch.
        num_hard: how many of the most similar keys are mixed, at most ``queue_size``.
        num_pairs: mixtures of two of them, for each image.
        num_with_query: mixtures of one of them with the query, for each image.
        warmup_items: images that have come by when mixing begins, if more than the queue holds.
        momentum: of the key network, in [0, 1].
        mask_same_item: whether earlier keys of the same image are no negatives.
        views: see ``views_of``.
        projection: width of the projections.
    """
    objective = MoCHi(
        temperature,
        dim=projection,
        queue_size=queue_size,
        num_hard=num_hard,
        num_pairs=num_pairs,
        num_with_query=num_with_query,
        warmup_items=warmup_items,
    )
    return MomentumContrast(
        encoder,
        objective,
        views=views,
        size=size,
        projection=projection,
        momentum=momentum,
        mask_same_item=mask_same_item,
    )
