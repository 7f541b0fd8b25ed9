"""What printing, years and a scanner do to a crop of text: fading, the back of the page, colored paper, specks, skew, blur.

That 35 % are blurred is from the rendered words of Arora, Yang, Jheng and Dell (2023, arXiv 2304.03464); all other settings are
the project's own.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from kinfolk.views.blur import gaussian_blur
from kinfolk.views.document import bleed_through, draw_specks, draw_texture, fade_ink, speckle, stain_paper
from kinfolk.views.draws import chance, uniform
from kinfolk.views.rotation import rotate

BLURRED = 0.35  # share of the crops

# The most of each at strength 1; how much of it a crop gets is evenly distributed
_FADE = 0.7
_BLEED = 0.35
_STAIN = 0.3
_PAPER = (0.12, 0.2, 0.35)  # what old paper takes of red, green and blue
_SPECKS = 0.02  # share of the area
_DEGREES = 2.0
_LEAN = 5.0  # degrees
_BLUR = 0.06  # of the size of a glyph

_BACK_BLUR = 0.05  # of the size of a glyph
_SPECK = 1 / 24  # of the size of a glyph


def wear(ink: Tensor, *, glyph_size: int, strength: float, generator: torch.Generator) -> Tensor:
    """Age one crop and scan it.

    Args:
        ink: a crop cut to its ink, black on white, float32 (1, 1, height, width) in [0, 1].
        glyph_size: pixels an em; blur, specks and margins go with it.
        strength: of everything, in [0, 1].
        generator: where all random numbers come from.

    Returns:
        float32 (1, 3, height, width) in [0, 1], larger by a margin of paper on every side.
    """
    margin = glyph_size // 6
    page = F.pad(ink, (margin,) * 4, value=1.0)
    height, width = page.shape[2:]

    def drawn(most: float, least: float = 0.0) -> Tensor:
        return strength * uniform(1, (least, most), generator=generator)

    # what the page is
    texture = draw_texture(1, height, width, cells=4, generator=generator)
    # the back: its lines lie elsewhere, so that they show between those of the front
    back = page.flip(3).roll((height // 2, width // 3), dims=(2, 3))
    back = gaussian_blur(back, torch.tensor([_BACK_BLUR * glyph_size]), kernel=_kernel(_BACK_BLUR * glyph_size))
    page = bleed_through(fade_ink(page, texture, drawn(_FADE)), back, drawn(_BLEED))
    color = 1 - drawn(1.0).view(1, 1, 1, 1) * torch.tensor(_PAPER).view(1, 3, 1, 1)
    page = stain_paper(page * color, draw_texture(1, height, width, cells=4, generator=generator), drawn(_STAIN))
    specks = draw_specks(1, height, width, side=max(1, round(_SPECK * glyph_size)), generator=generator)
    page = speckle(page, specks, drawn(_SPECKS))

    # what the scanner does: the ends of a line move no farther than the margin
    most = min(_DEGREES, math.degrees(math.atan(2 * margin / max(height, width))))
    page = rotate(page, drawn(most, -most), skew=drawn(_LEAN, -_LEAN))
    sigma = drawn(_BLUR, _BLUR / 3) * glyph_size * chance(1, BLURRED, generator=generator)
    return gaussian_blur(page, sigma, kernel=_kernel(_BLUR * glyph_size))


def _kernel(sigma: float) -> int:
    """Pixels of a kernel that holds all of a Gaussian but a quarter of a percent."""
    return 2 * math.ceil(3 * sigma) + 1
