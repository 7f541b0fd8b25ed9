"""Rotation and skew, each image by angles of its own."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.views.pixels import as_given, per_image, to_float


def rotate(images: Tensor, degrees: Tensor, *, skew: Tensor | None = None, fill: float | None = None) -> Tensor:
    """Images turned about their middle, at their size, with bilinear interpolation.

    With x to the right, y downward and the middle at 0, a point goes first to (x + y tan(skew), y), and is then turned.

    Args:
        images: uint8 or floats (images, channels, height, width).
        degrees: counterclockwise, (images,).
        skew: degrees by which vertical lines lean, (images,), in (-90, 90); None for none.
        fill: what comes in from outside, in shares of the full range; None continues the nearest pixel.

    Returns:
        Images of the same type and shape.

    Raises:
        ConfigurationError: a skew or a fill that is not possible.
    """
    if fill is not None and not 0 <= fill <= 1:
        raise ConfigurationError(f"fill must be in [0, 1]. Got {fill}.")
    pixels = to_float(images)
    height, width = pixels.shape[2:]
    angle = per_image(degrees, pixels, "degrees").flatten() * (math.pi / 180)
    lean = torch.zeros_like(angle) if skew is None else per_image(skew, pixels, "skew").flatten() * (math.pi / 180)
    if not (lean.abs() < math.pi / 2).all():
        raise ConfigurationError("skew must be between -90 and 90 degrees for every image.")
    # From the view back to the image: turn clockwise, then undo the skew. Coordinates of grid_sample are in half sides.
    cos, sin, tan = angle.cos(), angle.sin(), lean.tan()
    zeros = torch.zeros_like(angle)
    across = torch.stack([cos - tan * sin, (-sin - tan * cos) * (height / width), zeros], 1)
    down = torch.stack([sin * (width / height), cos, zeros], 1)
    grid = F.affine_grid(torch.stack([across, down], 1), [len(pixels), 1, height, width], align_corners=False)
    if fill is None:
        turned = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=False)
    else:  # grid_sample fills with 0 only
        turned = F.grid_sample(pixels - fill, grid, mode="bilinear", padding_mode="zeros", align_corners=False) + fill
    return as_given(turned.clamp_(0, 1), images.dtype)
