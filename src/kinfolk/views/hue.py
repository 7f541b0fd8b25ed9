"""Turning the hue of each image by an angle of its own, exactly as in the HSV color space, without going there and back.

In HSV a turned pixel keeps its largest channel V and its range d (V times the saturation). With the hue h in turns and
n = 0, 1/3, 2/3 for red, green and blue, each channel is::

    V - d (6 clip(|h - n|, 1/6, 1/3) - 1),   |·| the distance on the circle, at most 1/2

so only h has to be worked out, and shifted.

Source: Smith, "Color gamut transform pairs", SIGGRAPH 1978; the closed form follows from its hexcone by cases.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.views.pixels import as_given, check_channels, per_image, to_float


def turn_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Images with their hue turned; gray images stay as they are.

    Args:
        images: uint8 or floats (images, channels, height, width).
        turns: (images,), in turns of the color circle: 1/3 makes red green, 1 is the same as 0.

    Returns:
        Images of the same type and shape.
    """
    check_channels(images)
    if images.shape[1] == 1:
        return images
    pixels = to_float(images)
    places = torch.tensor([0.0, 1 / 3, 2 / 3], device=pixels.device, dtype=pixels.dtype).view(1, 3, 1, 1)
    hue, high, range_ = _hexcone(pixels)
    distance = hue + (per_image(turns, pixels, "turns") - places)
    distance.sub_(distance.round()).abs_().clamp_(1 / 6, 1 / 3)
    return as_given(torch.addcmul(high + range_, range_, distance, value=-6, out=distance).clamp_(0, 1), images.dtype)


def _hexcone(pixels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hue in turns (any number for grays), largest channel, and largest less smallest; (images, 1, height, width) each.

    The channels are sorted by two exchanges, green with blue and then red with the larger. The hue is the difference of
    the smaller two by six times the range, counted from a place that each exchange moves and mirrors.
    """
    red, green, blue = pixels.split(1, dim=1)
    upper, lower = torch.maximum(green, blue), torch.minimum(green, blue)
    high, middle = torch.maximum(red, upper), torch.minimum(red, upper)
    range_ = high - torch.minimum(middle, lower)
    exchanged = (red < upper).to(pixels.dtype)
    mirrored = (green < blue).to(pixels.dtype)
    # neither: 0; blue before green: -1; red second: -1/3; both: 2/3
    start = torch.addcmul(mirrored.neg(), exchanged, mirrored, value=2).add_(exchanged, alpha=-1 / 3)
    difference = (middle - lower).div_(range_.clamp(min=torch.finfo(pixels.dtype).tiny).mul_(6))
    return difference.add_(start).abs_(), high, range_
