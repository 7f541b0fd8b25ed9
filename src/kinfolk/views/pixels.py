"""What every view does with images first and last: check them, compute in floats, give back the type that came.

A batch is a tensor (images, channels, height, width), of uint8 in [0, 255] or of floats in [0, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow and the SimCLR code take it


def check_images(images: Tensor) -> None:
    """Refuse what is not a batch of images.

    Raises:
        ConfigurationError: not four dimensions, an empty one, or neither uint8 nor floats.
    """
    if images.ndim != 4 or not images.numel():
        raise ConfigurationError(
            f"images must be a tensor of shape (images, channels, height, width), none of them 0. "
            f"Got shape {tuple(images.shape)}."
        )
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise ConfigurationError(f"images must be uint8 in [0, 255] or floats in [0, 1]. Got {images.dtype}.")


def check_range(images: Tensor) -> None:
    """Refuse floats outside [0, 1], such as images of floats up to 255.

    Raises:
        ConfigurationError: there are some, or NaN.
    """
    if images.is_floating_point():
        low, high = (float(value) for value in images.aminmax())
        if not (low >= 0 and high <= 1):
            raise ConfigurationError(
                f"images of floats must be in [0, 1]. Got values from {low:g} to {high:g}. Divide by 255, or give uint8."
            )


def check_channels(images: Tensor) -> None:
    """Refuse images that have neither one channel (gray) nor three (red, green, blue).

    Raises:
        ConfigurationError: they have another number.
    """
    if images.shape[1] not in (1, 3):
        raise ConfigurationError(f"Colors need 1 channel (gray) or 3 (red, green, blue). Got {images.shape[1]}.")


def to_float(images: Tensor) -> Tensor:
    """Images as floats in [0, 1]: uint8 and half precision in float32, other floats as they are."""
    check_images(images)
    if images.dtype == torch.uint8:
        return images.float() / 255
    return images.float() if images.dtype in (torch.float16, torch.bfloat16) else images


def as_given(pixels: Tensor, dtype: torch.dtype) -> Tensor:
    """Floats in [0, 1] in the type the images came in; uint8 is rounded to the nearest."""
    return (pixels * 255).round_().to(torch.uint8) if dtype == torch.uint8 else pixels.to(dtype)


def per_image(values: Tensor, images: Tensor, name: str) -> Tensor:
    """One value an image, shaped (images, 1, 1, 1) to be multiplied with them.

    Raises:
        ConfigurationError: there are more or fewer values than images.
    """
    if values.shape != (len(images),):
        raise ConfigurationError(f"{name} must hold {len(images)} values, one an image. Got {tuple(values.shape)}.")
    return values.to(images).view(-1, 1, 1, 1)


def luma(pixels: Tensor) -> Tensor:
    """Brightness of each pixel as people see it, (images, 1, height, width); gray images are their own."""
    if pixels.shape[1] == 1:
        return pixels
    red, green, blue = pixels.split(1, dim=1)
    gray: Tensor = (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])
    return gray
