"""Brightness, contrast, saturation, gray and solarized images, each image by a factor of its own.

The first four are one operation, a blend with something grayer: for a factor f, the luma l of a pixel and the mean
luma m of its image::

    brightness  f x              contrast  f x + (1 - f) m
    saturation  f x + (1 - f) l  gray      l

and the result is cut to [0, 1]. This is what Pillow's ImageEnhance and the SimCLR code do.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.views.pixels import as_given, check_channels, luma, per_image, to_float


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Images times a factor each, (images,), in [0, inf); 1 leaves an image as it is, 0 gives black."""
    pixels = to_float(images)
    return as_given(pixels * per_image(factor, pixels, "factor"), images.dtype)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Images moved away from their mean gray by a factor each, (images,), in [0, inf); 0 gives plain gray."""
    return _blended(images, factor, with_gray=torch.zeros_like(factor), with_mean=1 - factor)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Images with their colors strengthened by a factor each, (images,), in [0, inf); 0 gives gray."""
    return _blended(images, factor, with_gray=1 - factor, with_mean=torch.zeros_like(factor))


def grayscale(images: Tensor, chosen: Tensor) -> Tensor:
    """Images without color, in as many channels, where ``chosen``, a bool an image, says so."""
    check_channels(images)
    pixels = to_float(images)
    return as_given(torch.lerp(pixels, luma(pixels), per_image(chosen, pixels, "chosen")), images.dtype)


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Images with the values from a threshold up inverted.

    Args:
        images: uint8 or floats (images, channels, height, width).
        threshold: (images,), in shares of the full range; above 1 an image stays as it is.
    """
    pixels = to_float(images)
    return as_given(torch.where(pixels < per_image(threshold, pixels, "threshold"), pixels, 1 - pixels), images.dtype)


def blend(pixels: Tensor, *, own: Tensor, gray: Tensor, mean: Tensor) -> Tensor:
    """Each pixel's own value, its luma and the mean luma of its image, mixed and cut to [0, 1].

    Args:
        pixels: floats (images, channels, height, width).
        own, gray, mean: shares in the mixture, (images,).
    """
    shades = luma(pixels)
    level = shades.mean(dim=(2, 3), keepdim=True) * per_image(mean, pixels, "mean")
    added = (shades * per_image(gray, pixels, "gray")).add_(level)
    return torch.addcmul(added, pixels, per_image(own, pixels, "own")).clamp_(0, 1)


def _blended(images: Tensor, factor: Tensor, *, with_gray: Tensor, with_mean: Tensor) -> Tensor:
    check_channels(images)
    return as_given(blend(to_float(images), own=factor, gray=with_gray, mean=with_mean), images.dtype)
