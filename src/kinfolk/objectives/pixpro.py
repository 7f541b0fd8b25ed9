"""PixPro: pixels of two crops that show the same place agree, one of them smoothed over the pixels that resemble it.

Pulls a pixel y_i of one crop, after propagation, to the pixels x'_j of the other that show the same place, and pushes
nothing: the targets x' come from a momentum encoder, without propagation, and are held constant. With A the positive pairs
(see ``pixels``) of an image, u(.) unit length and g a 1x1 convolution::

    y_i = sum_j max(cos(x_i, x_j), 0)^gamma u(g(x_j))
    L12 = -mean_images [ sum_ij A_ij cos(y_i, x'_j) / sum_ij A_ij ],     L = L12 + L21

An image whose crops share no place contributes 0 and counts in the mean.

Source: Xie, Lin, Zhang, Cao, Lin & Hu, "Propagate yourself", CVPR 2021, arXiv 2011.10043, sections 3.2 and 3.3. That g(x_j)
is brought to unit length follows the authors' code; the value of that code is twice the paper's.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import as_computed, check_positive, check_within
from kinfolk.objectives.pixels import both_ways, check_maps, positive_pixels, unit_pixels
from kinfolk.objectives.registry import Objective, register

_LEAST_PAIRS = 1e-6  # added to the number of positive pairs, as in the authors' code: no pair gives 0
_LEAST_SIMILARITY = 1e-6  # added below a power less than 1, whose slope at 0 is infinite


def propagate(maps: Tensor, values: Tensor, *, gamma: float = 2.0, clamp: float = 0.0) -> Tensor:
    """Each pixel as the sum of the values of all pixels of its map, weighted by how much they resemble it.

    Args:
        maps: what resemblance is measured on, (items, channels, height, width).
        values: what is summed, of unit length in each pixel, (items, channels of values, height, width).
        gamma: power of the similarity, in (0, inf); a high one keeps to the most similar pixels.
        clamp: least similarity, in [0, 1].

    Returns:
        (items, channels of values, height, width), not of unit length.
    """
    pixels, summed = unit_pixels(maps), unit_pixels(values)
    with torch.autocast(maps.device.type, enabled=False):  # a sum over all pixels needs its digits
        similarity = (pixels @ pixels.mT).clamp(min=clamp)
        if gamma < 1:
            similarity = similarity + _LEAST_SIMILARITY
        smoothed = similarity.pow(gamma) @ summed
    return smoothed.mT.reshape(len(maps), -1, *maps.shape[2:])


class PixelPropagation(nn.Module):
    """The pixel propagation module: feature maps in, smoothed ones of the same shape out.

    It stands behind the projection of the trained encoder, not of the momentum encoder, and is thrown away after training.
    With two layers it has batch statistics, and must see each crop in a call of its own.

    Args:
        channels: of the feature maps.
        layers: of the transform g: 0 for none, 1 for a 1x1 convolution (the paper's choice), 2 for two of them with
            batch norm and ReLU between.
        gamma: power of the similarity, in (0, inf).
        clamp: least similarity, in [0, 1].
    """

    def __init__(
        self, channels: int = 256, *, layers: Literal[0, 1, 2] = 1, gamma: float = 2.0, clamp: float = 0.0
    ) -> None:
        super().__init__()
        if layers not in (0, 1, 2):
            raise ConfigurationError(f"layers must be 0, 1 or 2. Got {layers}.")
        self.gamma, self.clamp = check_positive("gamma", gamma), check_within("clamp", clamp, 0, 1)
        steps: list[nn.Module] = [nn.Conv2d(channels, channels, 1) for _ in range(layers)]
        if layers == 2:
            steps[1:1] = [nn.BatchNorm2d(channels), nn.ReLU()]
        self.transform = nn.Sequential(*steps)

    def forward(self, maps: Tensor) -> Tensor:
        """Propagated maps, (items, channels, height, width).

        Args:
            maps: raw, of the same shape.

        Raises:
            ConfigurationError: another number of dimensions.
        """
        check_maps((maps,), ("maps",))
        maps = as_computed(maps)
        return propagate(maps, self.transform(maps), gamma=self.gamma, clamp=self.clamp)


def pixel_consistency(propagated: Tensor, targets: Tensor, positive: Tensor) -> Tensor:
    """Mean cosine over the positive pairs of each image, (items,), in [-1, 1]; 0 for an image without any.

    Args:
        propagated, targets: feature maps of two crops, (items, channels, height, width); targets get no gradient.
        positive: which pixels of the first are positives of which of the second, bool (items, H W, H W).
    """
    pixels, others = unit_pixels(propagated), unit_pixels(targets.detach())
    pairs = positive.to(pixels.dtype)
    return (pixels * (pairs @ others)).sum((1, 2)) / (pairs.sum((1, 2)) + _LEAST_PAIRS)


@register("pixpro", embeddings=4, needs=("boxes",), maps=True, constants=(2, 3))
class PixPro(Objective):
    """Pixels of two crops that show the same place together, one side propagated, the other held constant.

    Images do not meet one another, so there is nothing to gather from other processes.

    Args:
        threshold: distance below which two pixels are positives, in diagonals of a pixel, in (0, inf).
        variant: "paper", whose values are in [-2, 2], or "official", the authors' code, whose values are twice as large.
    """

    def __init__(self, threshold: float = 0.7, *, variant: Literal["paper", "official"] = "paper") -> None:
        super().__init__()
        if variant not in ("paper", "official"):
            raise ConfigurationError(f"variant must be 'paper' or 'official'. Got {variant!r}.")
        self.threshold, self.variant = check_positive("threshold", threshold), variant

    def one_way(self, propagated: Tensor, targets: Tensor, boxes: Tensor, target_boxes: Tensor) -> Tensor:
        """The half of the loss in which one crop is propagated and the other is the target.

        Args:
            propagated, targets: (items, channels, height, width).
            boxes, target_boxes: where both crops lie, (items, 4).

        Raises:
            ConfigurationError: shapes that do not fit, or a box without area.
        """
        check_maps((propagated, targets), ("propagated", "targets"))
        size = (propagated.shape[2], propagated.shape[3])
        positive = positive_pixels(boxes, target_boxes, size, threshold=self.threshold)
        scale = 2 if self.variant == "official" else 1
        return -scale * pixel_consistency(propagated, targets, positive).mean()

    def forward(
        self, first: Tensor, second: Tensor, first_targets: Tensor, second_targets: Tensor, *, boxes: Tensor
    ) -> Tensor:
        """Sum of both directions; 0 at random.

        Args:
            first, second: propagated maps of both crops, (items, channels, height, width).
            first_targets, second_targets: projections of the momentum encoder, of the same shape, not propagated.
            boxes: x0, y0, x1, y1 of both crops, floating-point (items, 2, 4).

        Raises:
            ConfigurationError: shapes that do not fit, or a box without area.
        """
        there, back = both_ways(self.one_way, (first, second), (first_targets, second_targets), boxes)
        return there + back
