"""PixContrast: pixels of two crops that show the same place together, all other pixels of the other crop apart.

Pulls pixel x_i of one crop to the pixels x'_j of the other that show the same place, P_i (see ``pixels``), and pushes it
from the rest of that crop. The targets x' come from a momentum encoder and are held constant. With unit vectors and t the
temperature::

    L(i) = -log( sum_{j in P_i} e^{<x_i,x'_j>/t} / sum_j e^{<x_i,x'_j>/t} )

averaged over all pixels of the batch that have a positive, and over both directions.

Source: Xie, Lin, Zhang, Cao, Lin & Hu, "Propagate yourself", CVPR 2021, arXiv 2011.10043, section 3.1. The authors released
no code of it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.objectives._inputs import check_positive, check_temperature
from kinfolk.objectives.pixels import both_ways, check_maps, positive_pixels, unit_pixels
from kinfolk.objectives.registry import Objective, register


def pix_contrast(maps: Tensor, targets: Tensor, positive: Tensor, *, temperature: float = 0.3) -> Tensor:
    """PixContrast of each pixel of the first crop, (items, H W), 0 for pixels without a positive.

    Args:
        maps, targets: feature maps of two crops, (items, channels, height, width); targets get no gradient.
        positive: which pixels of the first are positives of which of the second, bool (items, H W, H W).
        temperature: in (0, inf).
    """
    logits = unit_pixels(maps) @ unit_pixels(targets.detach()).mT / temperature
    has_positive = positive.any(2)
    # A pixel without a positive takes all for positive: its loss is 0, with a gradient of 0 and not of nan.
    counted = positive | ~has_positive[:, :, None]
    return logits.logsumexp(2) - logits.masked_fill(~counted, -torch.inf).logsumexp(2)


@register("pixcontrast", embeddings=4, needs=("boxes",), maps=True, constants=(2, 3))
class PixContrast(Objective):
    """Pixels that show the same place together, other pixels of the other crop apart.

    Images do not meet one another, so there is nothing to gather from other processes.

    Args:
        temperature: in (0, inf).
        threshold: distance below which two pixels are positives, in diagonals of a pixel, in (0, inf).
    """

    def __init__(self, temperature: float = 0.3, *, threshold: float = 0.7) -> None:
        super().__init__()
        self.temperature = check_temperature(temperature)
        self.threshold = check_positive("threshold", threshold)

    def one_way(self, maps: Tensor, targets: Tensor, boxes: Tensor, target_boxes: Tensor) -> Tensor:
        """Mean loss over the pixels of one crop that have a positive in the other; 0 where none has.

        Args:
            maps, targets: (items, channels, height, width).
            boxes, target_boxes: where both crops lie, (items, 4).

        Raises:
            ConfigurationError: shapes that do not fit, or a box without area.
        """
        check_maps((maps, targets), ("maps", "targets"))
        size = (maps.shape[2], maps.shape[3])
        positive = positive_pixels(boxes, target_boxes, size, threshold=self.threshold)
        loss = pix_contrast(maps, targets, positive, temperature=self.temperature)
        return loss.sum() / positive.any(2).sum().clamp(min=1)

    def forward(
        self, first: Tensor, second: Tensor, first_targets: Tensor, second_targets: Tensor, *, boxes: Tensor
    ) -> Tensor:
        """Mean of both directions; about log(H W / positives of a pixel) at random.

        Args:
            first, second: projected maps of both crops, (items, channels, height, width).
            first_targets, second_targets: projections of the momentum encoder, of the same shape.
            boxes: x0, y0, x1, y1 of both crops, floating-point (items, 2, 4).

        Raises:
            ConfigurationError: shapes that do not fit, or a box without area.
        """
        there, back = both_ways(self.one_way, (first, second), (first_targets, second_targets), boxes)
        return (there + back) / 2
