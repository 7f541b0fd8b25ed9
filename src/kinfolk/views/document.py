"""What happens to a page: paper darkens in blotches, ink fades, the back shines through, dirt falls. Dark ink on light paper.

Each but the dirt is a product, so that values stay in [0, 1], black stays black and nothing has to be cut off.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.views.pixels import as_given, per_image, to_float


def draw_texture(
    num: int, height: int, width: int, *, cells: int, grain: float = 0.25, generator: torch.Generator
) -> Tensor:
    """A cloudy pattern for each image: soft blotches with fine grain over them.

    Args:
        num, height, width: how many patterns, and their size.
        cells: blotches along each side.
        grain: share of the fine grain, in [0, 1].
        generator: where the random numbers come from.

    Returns:
        float32 (num, 1, height, width) in [0, 1].

    Raises:
        ConfigurationError: no cell, or a grain outside [0, 1].
    """
    if cells < 1 or not 0 <= grain <= 1:
        raise ConfigurationError(f"cells must be at least 1 and grain in [0, 1]. Got {cells} and {grain}.")
    coarse = torch.rand(num, 1, cells, cells, generator=generator, device=generator.device)
    fine = torch.rand(num, 1, height, width, generator=generator, device=generator.device)
    return F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False).lerp_(fine, grain)


def stain_paper(images: Tensor, texture: Tensor, strength: Tensor) -> Tensor:
    """Pages darkened where a texture is high: x (1 - strength texture).

    Args:
        images: uint8 or floats (images, channels, height, width).
        texture: (images, 1, height, width) in [0, 1].
        strength: (images,) in [0, 1].

    Returns:
        Images of the same type and shape.
    """
    pixels = to_float(images)
    return as_given(pixels * _remaining(texture, strength, pixels), images.dtype)


def fade_ink(images: Tensor, texture: Tensor, strength: Tensor) -> Tensor:
    """Pages whose ink, 1 - x, is paler where a texture is high; arguments as for ``stain_paper``."""
    pixels = to_float(images)
    return as_given(1 - (1 - pixels) * _remaining(texture, strength, pixels), images.dtype)


def bleed_through(images: Tensor, backs: Tensor, strength: Tensor) -> Tensor:
    """Pages through which the ink of their backs shines: x (1 - strength (1 - back)).

    Args:
        images: uint8 or floats (images, channels, height, width).
        backs: as seen from the front, so mirrored, of the type and shape of ``images``.
        strength: (images,) in [0, 1].

    Returns:
        Images of the same type and shape.
    """
    pixels = to_float(images)
    return as_given(pixels * _remaining(1 - to_float(backs), strength, pixels), images.dtype)


def draw_specks(num: int, height: int, width: int, *, side: int, generator: torch.Generator) -> Tensor:
    """Noise in squares for each image, for ``speckle``.

    Args:
        num, height, width: how many patterns, and their size.
        side: pixels of the side of a square, at least 1.
        generator: where the random numbers come from.

    Returns:
        float32 (num, 1, height, width), evenly distributed in [0, 1), equal within a square.

    Raises:
        ConfigurationError: no pixel.
    """
    if side < 1:
        raise ConfigurationError(f"side must be at least 1 pixel. Got {side}.")
    cells = (num, 1, -(-height // side), -(-width // side))
    noise = torch.rand(cells, generator=generator, device=generator.device)
    return noise.repeat_interleave(side, dim=2).repeat_interleave(side, dim=3)[..., :height, :width]


def speckle(images: Tensor, specks: Tensor, share: Tensor) -> Tensor:
    """Pages with dirt and with holes in their ink: black where the noise is lowest, white where it is highest.

    Args:
        images: uint8 or floats (images, channels, height, width).
        specks: noise of ``draw_specks``, (images, 1, height, width).
        share: of the area of each image that is covered, half by dirt and half by holes, (images,) in [0, 1].

    Returns:
        Images of the same type and shape.
    """
    pixels = to_float(images)
    half = _shares(share, pixels, "share") / 2
    noise = specks.to(pixels)
    return as_given(pixels.masked_fill(noise < half, 0.0).masked_fill(noise >= 1 - half, 1.0), images.dtype)


def _remaining(taken: Tensor, strength: Tensor, pixels: Tensor) -> Tensor:
    return 1 - taken.to(pixels) * _shares(strength, pixels, "strength")


def _shares(shares: Tensor, images: Tensor, name: str) -> Tensor:
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ConfigurationError(f"{name} must be in [0, 1] for every image.")
    return per_image(shares, images, name)
