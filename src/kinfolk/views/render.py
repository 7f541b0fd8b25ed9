"""Texts as crops, as a scanner would have cut them from a page: material to train on where only strings are at hand.

Words in many fonts, in lines and in columns, of 32 to 132 pixels, jittered, on colored paper, some blurred: after the rendered
words of Arora, Yang, Jheng and Dell, "Linking Representations with Multimodal Contrastive Learning" (2023, arXiv 2304.03464).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from kinfolk.data.image_decoding import Fit, Pixels, decode_image
from kinfolk.data.wording import listed, shortened
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.views.draws import check_shares
from kinfolk.views.fonts import Font, inked, require_fonts
from kinfolk.views.lettering import draw_text
from kinfolk.views.wear import wear

if TYPE_CHECKING:
    from PIL import Image

GLYPH_SIZES = (32, 132)
_MARGIN = (3, 5)  # white above and below, left and right, in pixels of the crop before it is made smaller


def render_text(
    text: str,
    font: Font,
    *,
    glyph_size: int = 48,
    vertical: bool = False,
    degrade: float = 0.0,
    generator: torch.Generator | None = None,
) -> Image.Image:
    """Render a text at its natural size.

    Args:
        text: a line, or several with line ends between them.
        font: it must have all glyphs.
        glyph_size: pixels an em, at least 4.
        vertical: characters from top to bottom, and lines from right to left.
        degrade: strength of everything that befalls the page, in [0, 1]; 0 is a clean print, black on white.
        generator: where all random numbers come from; needed where ``degrade`` is not 0.

    Returns:
        An image in color, mode "RGB", cut to its ink; a degraded one has a margin of paper.

    Raises:
        DataError: the text is blank, or the font has not all of its characters.
        ConfigurationError: a setting that is not possible.
        MissingExtraError: Pillow is not installed.
    """
    check_shares(degrade=degrade)
    if degrade and generator is None:
        raise ConfigurationError("degrade needs a generator of random numbers. Got None.")
    ink = draw_text(text, font, glyph_size=glyph_size, vertical=vertical, jitter=degrade, generator=generator)
    if generator is None or not degrade:
        return ink.convert("RGB")
    gray = torch.from_numpy(np.array(ink)).float().div_(255)[None, None]
    from PIL import Image

    page: Tensor = wear(gray, glyph_size=glyph_size, strength=degrade, generator=generator)
    return Image.fromarray((page[0] * 255).round_().to(torch.uint8).permute(1, 2, 0).contiguous().numpy())


def render_texts(
    texts: Sequence[str],
    *,
    fonts: Sequence[Font],
    size: int = 64,
    vertical: float = 0.0,
    seed: int = 0,
    degrade: float = 0.5,
    glyph_sizes: tuple[int, int] = GLYPH_SIZES,
    fit: Fit = "pad",
) -> Pixels:
    """Render texts, each in a font and a size of its own, as a batch of crops.

    A crop depends on the seed, its text and its place in the list, and on no other text.

    Args:
        texts: what to render, (texts,).
        fonts: one is drawn for each text, among those that have all of its characters.
        size: height and width of the crops in pixels.
        vertical: share of the texts that are set from top to bottom, in [0, 1].
        seed: the same seed gives the same pixels.
        degrade: strength of what befalls the pages, in [0, 1]; 0 is a clean print.
        glyph_sizes: pixels an em, evenly distributed from the first to the last, before the crop is brought to its size.
        fit: how a crop becomes a square, see ``decode_image``; "pad" keeps its shape, on white.

    Returns:
        uint8 (texts, 3, size, size).

    Raises:
        DataError: a text is blank, or no font has all of its characters; names the text.
        ConfigurationError: a setting that is not possible.
        MissingExtraError: Pillow is not installed.
    """
    if isinstance(texts, str):
        raise ConfigurationError(f"texts must be a list of texts. Got one text, {shortened(repr(texts))}.")
    require_fonts(fonts)
    check_shares(vertical=vertical, degrade=degrade)
    smallest, largest = glyph_sizes
    if size < 1 or seed < 0 or not 4 <= smallest <= largest:
        raise ConfigurationError(
            "size must be at least 1, seed at least 0, and glyph_sizes two numbers of at least 4, the smaller first. "
            f"Got {size}, {seed} and {glyph_sizes}."
        )
    able = [able_fonts(text, fonts, name=f"text {row:,}") for row, text in enumerate(texts, start=1)]
    crops = np.empty((len(texts), 3, size, size), dtype=np.uint8)
    for row, text in enumerate(texts):
        rng = np.random.default_rng([seed, row])
        crop = render_text(
            text,
            able[row][rng.integers(len(able[row]))],
            glyph_size=int(rng.integers(smallest, largest + 1)),
            vertical=bool(rng.random() < vertical),
            degrade=degrade,
            generator=torch.Generator().manual_seed(int(rng.integers(1 << 62))),
        )
        down, across = _MARGIN
        page = np.pad(np.asarray(crop), ((down, down), (across, across), (0, 0)), constant_values=255)
        crops[row] = decode_image(page, f"text {row + 1:,}", size=size, fit=fit)
    return crops


def able_fonts(text: str, fonts: Sequence[Font], *, name: str = "The text") -> tuple[Font, ...]:
    """The fonts that can render a text.

    Args:
        text: what to render.
        fonts: to choose from, in their order.
        name: of the text, for messages.

    Raises:
        DataError: the text is blank, or no font has all of its characters.
    """
    if not inked(text):
        raise DataError(f"{name} is blank: {shortened(repr(text))}. Leave it out.")
    able = tuple(font for font in fonts if font.covers(text))
    if not able:
        missing = min((font.missing(text) for font in fonts), key=len, default="")
        raise DataError(
            f"{name}, {shortened(repr(text))}, can be drawn by none of {len(fonts)} fonts; the nearest has no glyph for "
            f"{listed([f'{c} (U+{ord(c):04X})' for c in missing])}. Leave it out, or give fonts of "
            f"find_fonts({shortened(repr(missing))})."
        )
    return able
