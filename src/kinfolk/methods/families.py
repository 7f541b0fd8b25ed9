"""The views that a method is trained on, by name, fitted to the size of the images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from kinfolk.errors import ConfigurationError
from kinfolk.views import PhotoView, ViewRecipe, byol, document_scan, simclr

Views = Literal["photo", "asymmetric", "crop", "drawing", "document"]
_SMALL = 48  # pixels up to which SimCLR jitters half as strong and does not blur


def views_of(name: str, size: int, *, num: int = 2) -> tuple[ViewRecipe, ...]:
    """Recipes of the views of one image.

    Args:
        name: "photo" (SimCLR), "asymmetric" (BYOL), "crop" (crops and mirror images alone), "drawing" (logos,
            icons, things on plain ground: seen nearly whole, direction and color tell) or "document" (scans).
        size: height and width of a view in pixels.
        num: how many views, at least 2; those beyond the second repeat the first two in turn.

    Raises:
        ConfigurationError: no family has that name, or fewer than two views.
    """
    families: dict[str, Callable[[], tuple[ViewRecipe, ViewRecipe]]] = {
        "photo": lambda: simclr(size, strength=0.5, blur=0.0) if size <= _SMALL else simclr(size),
        "asymmetric": lambda: byol(size),
        "crop": lambda: (_crop_only(size), _crop_only(size)),
        "drawing": lambda: (_drawing(size), _drawing(size)),
        "document": lambda: document_scan(size),
    }
    if name not in families:
        raise ConfigurationError(f"views must be one of {', '.join(families)}. Got {name!r}.")
    if num < 2:
        raise ConfigurationError(f"num_views must be at least 2. Got {num}.")
    pair = families[name]()
    return tuple(pair[number % 2] for number in range(num))


def _drawing(size: int) -> PhotoView:
    """Project definition: an arrow is not its mirror image, and a red flag is no green one."""
    return PhotoView(
        size, scale=(0.6, 1.0), ratio=(0.8, 1.25), flip=0.0, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.05,
        gray=0.1, blur=0.2,
    )  # fmt: skip


def _crop_only(size: int) -> PhotoView:
    return replace(simclr(size, blur=0.0)[0], jitter=0.0, gray=0.0)
