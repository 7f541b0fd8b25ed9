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
    return as_given((pixels * per_image(factor, pixels, "factor")).clamp_(0, 1), images.dtype)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Images moved away from their mean gray by a factor each, (images,), in [0, inf); 0 gives plain gray."""
    return _blended(images, torch.stack([factor, torch.zeros_like(factor), 1 - factor]))


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Images with their colors strengthened by a factor each, (images,), in [0, inf); 0 gives gray."""
    return _blended(images, torch.stack([factor, 1 - factor, torch.zeros_like(factor)]))


def grayscale(images: Tensor, chosen: Tensor) -> Tensor:
    """Images without color, in as many channels, where ``chosen``, a bool an image, says so."""
    check_channels(images)
    pixels = to_float(images)
    return as_given(grayscale_(pixels.clone() if pixels is images else pixels, chosen), images.dtype)


def grayscale_(pixels: Tensor, chosen: Tensor) -> Tensor:
    """``grayscale`` in the memory of ``pixels``, which are floats: only what changes is written."""
    rows = per_image(chosen, pixels, "chosen").flatten().nonzero()[:, 0]
    if len(rows):
        pixels[rows] = luma(pixels[rows]).expand(-1, pixels.shape[1], -1, -1)
    return pixels


def solarize(images: Tensor, threshold: Tensor) -> Tensor:
    """Images with the values from a threshold up inverted.

    Args:
        images: uint8 or floats (images, channels, height, width).
        threshold: (images,), in shares of the full range; above 1 an image stays as it is.
    """
    pixels = to_float(images)
    return as_given(torch.where(pixels < per_image(threshold, pixels, "threshold"), pixels, 1 - pixels), images.dtype)


def blend(pixels: Tensor, shares: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Each pixel's own value, its luma and the mean luma of its image, mixed and cut to [0, 1].

    Args:
        pixels: floats (images, channels, height, width).
        shares: of the three, in this order, in the mixture of each image, (3, images).
        out: where to write the result, which may be ``pixels`` itself; None takes new memory, which costs more than the
            arithmetic.
    """
    own, gray, mean = shares.to(pixels).view(3, -1, 1, 1, 1)
    shades = luma(pixels)
    level = shades.mean(dim=(2, 3), keepdim=True) * mean
    return torch.addcmul((shades * gray).add_(level), pixels, own, out=out).clamp_(0, 1)


def _blended(images: Tensor, shares: Tensor) -> Tensor:
    check_channels(images)
    pixels = to_float(images)
    per_image(shares[0], pixels, "factor")
    return as_given(blend(pixels, shares), images.dtype)
