"""A view of a scanned page: a little larger or smaller, askew, on stained paper, with faded ink and the back shining through.

The settings are the project's own, not those of a paper: each is a fault that scans of old documents have.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kinfolk.views.blur import blur_kernel, gaussian_blur
from kinfolk.views.crop import crop, draw_boxes
from kinfolk.views.document import bleed_through, draw_texture, fade_ink, stain_paper
from kinfolk.views.draws import Range, chance, check_range_of, check_shares, uniform
from kinfolk.views.pixels import as_given, to_float
from kinfolk.views.rotation import rotate
from kinfolk.views.view import View


@dataclass(frozen=True)
class ScanView:
    """How to make a view of a page with dark ink on light paper; strengths are evenly distributed from 0 to the value.

    Attributes:
        size: height and width of the view in pixels.
        scale: share of the page in the view; pages are never mirrored.
        ratio: how much wider than its page the crop is, by shares of both sides; a page of any shape fills the square.
        degrees: largest rotation, either way.
        skew: largest lean of vertical lines in degrees, either way.
        fade: strength of fading ink, in [0, 1].
        bleed: strength of the back of the page, in [0, 1]; the back is another page of the batch, mirrored and blurred.
        stain: strength of the paper's texture, in [0, 1].
        cells: blotches of the textures along each side.
        blur: share of the images that are blurred, in [0, 1].
        blur_sigma: standard deviation of the blur in pixels, evenly distributed in this range.
    """

    size: int
    scale: Range = (0.8, 1.0)
    ratio: Range = (0.9, 1.1)
    degrees: float = 3.0
    skew: float = 3.0
    fade: float = 0.6
    bleed: float = 0.3
    stain: float = 0.4
    cells: int = 4
    blur: float = 0.5
    blur_sigma: Range = (0.1, 1.0)

    def __post_init__(self) -> None:
        check_shares(fade=self.fade, bleed=self.bleed, stain=self.stain, blur=self.blur)
        check_range_of("blur_sigma", self.blur_sigma, least=0, most=float("inf"))

    def draw(self, images: Tensor, *, generator: torch.Generator) -> View:
        """A view of each image; see ``draw_views``."""
        num, size = len(images), self.size
        boxes = draw_boxes(num, scale=self.scale, ratio=self.ratio, generator=generator)
        pixels = crop(to_float(images), boxes, size)

        # what the page is
        kernel = blur_kernel(size)
        backs = gaussian_blur(pixels.roll(1, dims=0).flip(3), torch.ones(num), kernel=kernel)
        texture = draw_texture(num, size, size, cells=self.cells, generator=generator)
        pixels = fade_ink(pixels, texture, uniform(num, (0.0, self.fade), generator=generator))
        pixels = bleed_through(pixels, backs, uniform(num, (0.0, self.bleed), generator=generator))
        texture = draw_texture(num, size, size, cells=self.cells, generator=generator)
        pixels = stain_paper(pixels, texture, uniform(num, (0.0, self.stain), generator=generator))

        # what the scanner does
        degrees = uniform(num, (-self.degrees, self.degrees), generator=generator)
        skew = uniform(num, (-self.skew, self.skew), generator=generator)
        pixels = rotate(pixels, degrees, skew=skew)
        sigma = uniform(num, self.blur_sigma, generator=generator) * chance(num, self.blur, generator=generator)
        return View(as_given(gaussian_blur(pixels, sigma, kernel=kernel), images.dtype), boxes)
