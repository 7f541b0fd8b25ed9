"""Color jitter: brightness, contrast, saturation and hue of each image by random factors, in an order of its own.

Source: Chen, Kornblith, Norouzi & Hinton, arXiv 2002.05709, appendix A.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.views.color import blend
from kinfolk.views.draws import chance, permutations, uniform
from kinfolk.views.hue import turn_hue
from kinfolk.views.pixels import as_given, check_channels, to_float

_BRIGHTNESS, _CONTRAST, _SATURATION, _HUE = range(4)


@dataclass(frozen=True)
class Jitter:
    """How the colors of each image change.

    Attributes:
        brightness, contrast, saturation: factors, (images,); 1 changes nothing.
        hue: turns of the color circle, (images,); 0 changes nothing.
        order: int64 (images, 4): a permutation of 0 brightness, 1 contrast, 2 saturation, 3 hue.
    """

    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    hue: Tensor
    order: Tensor


def draw_jitter(
    num: int,
    *,
    brightness: float = 0.8,
    contrast: float = 0.8,
    saturation: float = 0.8,
    hue: float = 0.2,
    probability: float = 0.8,
    generator: torch.Generator,
) -> Jitter:
    """Random factors for each image.

    Args:
        num: number of images.
        brightness, contrast, saturation: a factor is evenly distributed in [max(0, 1 - this), 1 + this].
        hue: turns are evenly distributed in [-this, this]; in [0, 0.5].
        probability: share of the images that change at all.
        generator: where the random numbers come from.

    Raises:
        ConfigurationError: a strength below 0, or a hue above 0.5.
    """
    if min(brightness, contrast, saturation) < 0 or not 0 <= hue <= 0.5:
        raise ConfigurationError(
            f"Strengths of color jitter must be 0 or more, and that of hue at most 0.5. "
            f"Got {brightness:g}, {contrast:g}, {saturation:g} and {hue:g}."
        )
    changed = chance(num, probability, generator=generator)

    def factor(most: float) -> Tensor:
        return torch.where(changed, uniform(num, (max(0.0, 1 - most), 1 + most), generator=generator), 1.0)

    return Jitter(
        brightness=factor(brightness),
        contrast=factor(contrast),
        saturation=factor(saturation),
        hue=torch.where(changed, uniform(num, (-hue, hue), generator=generator), 0.0),
        order=permutations(num, 4, generator=generator),
    )


def color_jitter(images: Tensor, jitter: Jitter) -> Tensor:
    """Images with their colors changed step by step, each in its own order.

    Args:
        images: uint8 or floats (images, channels, height, width), 1 or 3 channels.
        jitter: the factors.

    Returns:
        Images of the same type and shape.
    """
    check_channels(images)
    given = to_float(images)
    pixels = torch.empty_like(given)
    # Three of the four are one blend with other shares, so that a step is the same for all images but those whose hue
    # turns.
    factors = torch.stack([jitter.brightness, jitter.contrast, jitter.saturation, torch.ones_like(jitter.hue)])
    order = jitter.order.mT
    own = factors.gather(0, order)
    shares = torch.stack([own, (1 - own) * (order == _SATURATION), (1 - own) * (order == _CONTRAST)], 1)
    turning = (order == _HUE) & (jitter.hue != 0)
    for step, turns_now in enumerate(turning):
        blend(given if step == 0 else pixels, shares[step], out=pixels)
        rows = turns_now.nonzero()[:, 0]
        if len(rows):
            there = rows.to(pixels.device)
            pixels[there] = turn_hue(pixels[there], jitter.hue[rows])
    return as_given(pixels, images.dtype)
