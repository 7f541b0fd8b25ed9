"""What a view is, how a recipe makes it, and how a family of recipes makes all views of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from kinfolk.errors import ConfigurationError
from kinfolk.views.pixels import check_images, check_range

# Four megabytes of floats: many enough that calls cost little, few enough that memory does not grow with the batch.
_PIXELS_AT_ONCE = 1 << 20
_LEAST_AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class View:
    """One view of every image of a batch.

    Attributes:
        images: (images, channels, height, width), of the type of the batch.
        boxes: where each view lies in its image, float32 (images, 4): left, top, right, bottom in [0, 1]; mirrored views
            have left > right. A rotation is not in it.
    """

    images: Tensor
    boxes: Tensor


class ViewRecipe(Protocol):
    """Settings that can make a view: a frozen dataclass, so that a family is plain data."""

    @property
    def size(self) -> int:
        """Height and width of the view in pixels."""
        ...

    def draw(self, images: Tensor, *, generator: torch.Generator) -> View:
        """Make a view of each image, with parameters of its own."""
        ...


def draw_views(images: Tensor, family: Sequence[ViewRecipe], *, generator: torch.Generator) -> tuple[View, ...]:
    """Make one view of every image for each recipe of a family.

    Args:
        images: uint8 in [0, 255] or floats in [0, 1], (images, channels, height, width).
        family: recipes, such as those of ``simclr``, ``byol``, ``multi_crop`` or ``document_scan``.
        generator: where all random numbers come from; on the device of the images, or on the CPU.

    Returns:
        The views in the order of the recipes. The same seed, images and family give the same views.

    Raises:
        ConfigurationError: images or settings that are not possible.
    """
    check_images(images)
    check_range(images)
    if not family:
        raise ConfigurationError("A family needs at least one recipe. Got none.")
    return tuple(_draw(images, recipe, generator) for recipe in family)


def _draw(images: Tensor, recipe: ViewRecipe, generator: torch.Generator) -> View:
    at_once = max(_LEAST_AT_ONCE, _PIXELS_AT_ONCE // max(1, images.shape[1] * recipe.size**2))
    parts = [recipe.draw(part, generator=generator) for part in images.split(at_once)]
    if len(parts) == 1:
        return parts[0]
    return View(torch.cat([part.images for part in parts]), torch.cat([part.boxes for part in parts]))
