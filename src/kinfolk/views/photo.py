"""A view of a photograph: crop, flip, color jitter, gray, blur, solarize, in the order of the papers.

Source: Chen, Kornblith, Norouzi & Hinton, arXiv 2002.05709, appendix A; solarizing: Grill et al., arXiv 2006.07733,
appendix B.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kinfolk.views.blur import blur_kernel, gaussian_blur_
from kinfolk.views.color import grayscale_, solarize
from kinfolk.views.crop import crop, draw_boxes, flip_boxes
from kinfolk.views.draws import Range, chance, check_range_of, check_shares, uniform
from kinfolk.views.jitter import color_jitter, draw_jitter
from kinfolk.views.pixels import as_given, to_float
from kinfolk.views.view import View


@dataclass(frozen=True)
class PhotoView:
    """How to make a view; probabilities are shares of the images, in [0, 1].

    Attributes:
        size: height and width of the view in pixels.
        scale, ratio: of the crop, see ``draw_boxes``.
        flip: probability of a mirror image.
        jitter: probability of color jitter.
        brightness, contrast, saturation, hue: its strengths, see ``draw_jitter``.
        gray: probability of a gray image.
        blur: probability of Gaussian blur.
        blur_sigma: its standard deviation in pixels, evenly distributed in this range; the kernel is a tenth of ``size``.
        solarize: probability of inverting what is brighter than half.
    """

    size: int
    scale: Range = (0.08, 1.0)
    ratio: Range = (3 / 4, 4 / 3)
    flip: float = 0.5
    jitter: float = 0.8
    brightness: float = 0.8
    contrast: float = 0.8
    saturation: float = 0.8
    hue: float = 0.2
    gray: float = 0.2
    blur: float = 0.5
    blur_sigma: Range = (0.1, 2.0)
    solarize: float = 0.0

    def __post_init__(self) -> None:
        check_shares(flip=self.flip, jitter=self.jitter, gray=self.gray, blur=self.blur, solarize=self.solarize)
        check_range_of("blur_sigma", self.blur_sigma, least=0, most=float("inf"))

    def draw(self, images: Tensor, *, generator: torch.Generator) -> View:
        """A view of each image; see ``draw_views``."""
        num, aspect = len(images), images.shape[3] / images.shape[2]
        boxes = draw_boxes(num, scale=self.scale, ratio=self.ratio, aspect=aspect, generator=generator)
        boxes = flip_boxes(boxes, chance(num, self.flip, generator=generator))
        pixels = crop(to_float(images), boxes, self.size)  # new memory, in which the next steps write
        if self.jitter > 0:
            jitter = draw_jitter(
                num,
                brightness=self.brightness,
                contrast=self.contrast,
                saturation=self.saturation,
                hue=self.hue,
                probability=self.jitter,
                generator=generator,
            )
            pixels = color_jitter(pixels, jitter)
        if self.gray > 0:
            pixels = grayscale_(pixels, chance(num, self.gray, generator=generator))
        if self.blur > 0:
            sigma = uniform(num, self.blur_sigma, generator=generator)
            sigma = sigma * chance(num, self.blur, generator=generator)
            pixels = gaussian_blur_(pixels, sigma, kernel=blur_kernel(self.size))
        if self.solarize > 0:
            pixels = solarize(pixels, torch.where(chance(num, self.solarize, generator=generator), 0.5, 2.0))
        return View(as_given(pixels, images.dtype), boxes)
