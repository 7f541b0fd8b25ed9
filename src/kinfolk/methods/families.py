"""The views that a method is trained on, by name, fitted to the size of the images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from kinfolk.errors import ConfigurationError
from kinfolk.views import PhotoView, ViewRecipe, byol, document_scan, simclr

Views = Literal["photo", "asymmetric", "crop", "document"]
_SMALL = 48  # pixels up to which SimCLR jitters half as strong and does not blur


def views_of(name: str, size: int, *, num: int = 2) -> tuple[ViewRecipe, ...]:
    """Recipes of the views of one image.

    Args:
        name: "photo" (SimCLR), "asymmetric" (BYOL), "crop" (crops and mirror images alone) or "document" (scans).
        size: height and width of a view in pixels.
        num: how many views, at least 2; those beyond the second repeat the first two in turn.

    Raises:
        ConfigurationError: no family has that name, or fewer than two views.
    """
    families: dict[str, Callable[[], tuple[ViewRecipe, ViewRecipe]]] = {
        "photo": lambda: simclr(size, strength=0.5, blur=0.0) if size <= _SMALL else simclr(size),
        "asymmetric": lambda: byol(size),
        "crop": lambda: (_crop_only(size), _crop_only(size)),
        "document": lambda: document_scan(size),
    }
    if name not in families:
        raise ConfigurationError(f"views must be one of {', '.join(families)}. Got {name!r}.")
    if num < 2:
        raise ConfigurationError(f"num_views must be at least 2. Got {num}.")
    pair = families[name]()
    return tuple(pair[number % 2] for number in range(num))


def _crop_only(size: int) -> PhotoView:
    return replace(simclr(size, blur=0.0)[0], jitter=0.0, gray=0.0)
