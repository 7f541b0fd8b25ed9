"""Families of views by the papers: each is plain data, a tuple of recipes that ``draw_views`` follows.

Change one with ``dataclasses.replace``, or write a tuple of your own.
"""

from __future__ import annotations

from dataclasses import replace

from kinfolk.errors import ConfigurationError
from kinfolk.views.draws import Range
from kinfolk.views.photo import PhotoView
from kinfolk.views.scan import ScanView


def simclr(size: int, *, strength: float = 1.0, blur: float = 0.5) -> tuple[PhotoView, PhotoView]:
    """Two views made alike.

    Args:
        size: height and width of the views in pixels.
        strength: of color jitter, in [0, inf). The paper takes 1 on ImageNet and 0.5 on images of 32 x 32.
        blur: share of blurred views. The paper takes 0.5 on ImageNet and 0 on images of 32 x 32.

    Source: Chen, Kornblith, Norouzi & Hinton, arXiv 2002.05709, appendices A and B.9.
    """
    view = PhotoView(
        size,
        brightness=0.8 * strength,
        contrast=0.8 * strength,
        saturation=0.8 * strength,
        hue=0.2 * strength,
        blur=blur,
    )
    return view, view


def byol(size: int) -> tuple[PhotoView, PhotoView]:
    """Two views made differently: the first always blurred, the second hardly ever, but solarized now and then.

    PixPro takes the same views, with their boxes.

    Source: Grill et al., arXiv 2006.07733, appendix B, table 6.
    """
    first = PhotoView(size, brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1, blur=1.0)
    return first, replace(first, blur=0.1, solarize=0.2)


def multi_crop(
    size: int,
    *,
    small_size: int,
    num: int = 2,
    num_small: int = 6,
    scale: Range = (0.14, 1.0),
    small_scale: Range = (0.05, 0.14),
) -> tuple[PhotoView, ...]:
    """A few views of much of the image, and more small ones of little of it (SwAV).

    Args:
        size: height and width of the large views in pixels; 224 in the paper.
        small_size: that of the small ones; 96 in the paper.
        num: how many large views, at least 1.
        num_small: how many small views.
        scale: share of the image in a large view.
        small_scale: share of the image in a small view.

    Returns:
        The large views first.

    Raises:
        ConfigurationError: no large view, or a negative number of small ones.

    Source: Caron et al., arXiv 2006.09882, section 3.2 and appendix A.
    """
    if num < 1 or num_small < 0:
        raise ConfigurationError(f"num must be at least 1 and num_small at least 0. Got {num} and {num_small}.")
    return (PhotoView(size, scale=scale),) * num + (PhotoView(small_size, scale=small_scale),) * num_small


def document_scan(size: int) -> tuple[ScanView, ScanView]:
    """Two scans of the same page, each with faults of its own (project definition)."""
    return ScanView(size), ScanView(size)
