"""Gaussian blur, each image by a width of its own."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.views.pixels import as_given, per_image, to_float


def blur_kernel(side: int) -> int:
    """Pixels of the kernel for images of this side: a tenth of it, odd, at least 3 (23 for 224), as in the SimCLR code."""
    return max(3, 2 * (side // 20) + 1)


def gaussian_blur(images: Tensor, sigma: Tensor, *, kernel: int) -> Tensor:
    """Images blurred along both directions; beyond the border the nearest pixel continues.

    Args:
        images: uint8 or floats (images, channels, height, width).
        sigma: standard deviation in pixels, (images,); where it is 0 an image stays as it is.
        kernel: pixels of the kernel, odd. The Gaussian is cut there and its weights sum to 1, so that with a sigma far
            above it the kernel is flat.

    Returns:
        Images of the same type and shape.

    Raises:
        ConfigurationError: an even kernel, or a negative sigma.
    """
    pixels = to_float(images)
    blurred = gaussian_blur_(pixels.clone() if pixels is images else pixels, sigma, kernel=kernel)
    return as_given(blurred, images.dtype)


def gaussian_blur_(pixels: Tensor, sigma: Tensor, *, kernel: int) -> Tensor:
    """``gaussian_blur`` in the memory of ``pixels``, which are floats: only what changes is written."""
    if kernel < 1 or kernel % 2 == 0:
        raise ConfigurationError(f"kernel must be an odd number of pixels. Got {kernel}.")
    widths = per_image(sigma, pixels, "sigma").flatten()
    if not (widths >= 0).all():
        raise ConfigurationError("sigma must be 0 or more for every image.")
    rows = widths.nonzero()[:, 0]
    if len(rows):
        pixels[rows] = _convolved(pixels[rows], _weights(widths[rows], kernel)).clamp_(0, 1)
    return pixels


def _weights(sigma: Tensor, kernel: int) -> Tensor:
    offsets = torch.arange(kernel, device=sigma.device, dtype=sigma.dtype) - kernel // 2
    # far below a pixel the square of sigma is 0 in floats; the kernel is one pixel long before
    weights = torch.exp(-0.5 * (offsets / sigma[:, None].clamp(min=1e-3)) ** 2)
    return weights / weights.sum(dim=1, keepdim=True)


def _convolved(pixels: Tensor, weights: Tensor) -> Tensor:
    """Shifted copies are added up: for a dozen taps this is faster than a convolution with a kernel for each image."""
    height, width = pixels.shape[2:]
    taps = weights.mT[:, :, None, None, None]
    reach = len(taps) // 2
    padded = F.pad(pixels, (reach,) * 4, mode="replicate")
    down = padded[:, :, :height] * taps[0]
    for tap, weight in enumerate(taps[1:], start=1):
        down.addcmul_(padded[:, :, tap : tap + height], weight)
    blurred = down[..., :width] * taps[0]
    for tap, weight in enumerate(taps[1:], start=1):
        blurred.addcmul_(down[..., tap : tap + width], weight)
    return blurred
