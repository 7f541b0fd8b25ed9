"""Classes without labels: a few texts, each rendered many times, for supervised training before there are real labels.

The second stage of Arora, Yang, Jheng and Dell, "Linking Representations with Multimodal Contrastive Learning" (2023, arXiv
2304.03464): a class is a word, and the crops of a word are each other's positives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from kinfolk.data.image_decoding import Pixels
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.views.fonts import Font, require_fonts
from kinfolk.views.render import GLYPH_SIZES, able_fonts, render_texts


@dataclass(frozen=True, eq=False)
class SyntheticClasses:
    """Rendered texts, class after class.

    Attributes:
        pixels: uint8 (classes · crops of each, 3, size, size).
        labels: int64 (crops,): -1 for the first text, -2 for the second. Negative, so that they never meet real classes.
        texts: what each crop shows.
        skipped: a sentence for each text that no font can draw.
    """

    pixels: Pixels
    labels: npt.NDArray[np.int64]
    texts: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)


def synthetic_classes(
    texts: Sequence[str],
    *,
    per_class: int,
    fonts: Sequence[Font],
    size: int = 64,
    vertical: float = 0.5,
    seed: int = 0,
    degrade: float = 0.5,
    glyph_sizes: tuple[int, int] = GLYPH_SIZES,
    on_error: Literal["raise", "skip"] = "raise",
) -> SyntheticClasses:
    """Render every text several times, each in a font, a size and a state of its own.

    Args:
        texts: one for each class; one that comes twice is one class.
        per_class: crops of each, at least 2: a class of one has no positive.
        fonts, size, vertical, seed, degrade, glyph_sizes: as for ``render_texts``; half of the crops are vertical.
        on_error: "raise" stops at the first text that is blank or that no font can draw; "skip" leaves it out and says so
            in ``skipped``.

    Returns:
        The crops with their classes, numbered in the order of the texts that could be drawn.

    Raises:
        DataError: a text cannot be drawn, or none can.
        ConfigurationError: a setting that is not possible.
        MissingExtraError: Pillow is not installed.
    """
    if per_class < 2:
        raise ConfigurationError(f"per_class must be at least 2, so that a crop has a positive. Got {per_class}.")
    if on_error not in ("raise", "skip"):
        raise ConfigurationError(f"on_error must be 'raise' or 'skip'. Got {on_error!r}.")
    require_fonts(fonts)
    shown: list[str] = []
    skipped: list[str] = []
    for number, text in enumerate(dict.fromkeys(texts), start=1):
        try:
            able_fonts(text, fonts, name=f"text {number:,}")
        except DataError as error:
            if on_error == "raise":
                raise
            skipped.append(str(error))
        else:
            shown.append(text)
    if not shown:
        raise DataError(f"No text is left to render. {skipped[0] if skipped else 'The list of texts is empty.'}")
    repeated = [text for text in shown for _ in range(per_class)]
    pixels = render_texts(
        repeated, fonts=fonts, size=size, vertical=vertical, seed=seed, degrade=degrade, glyph_sizes=glyph_sizes
    )
    labels = -1 - np.repeat(np.arange(len(shown), dtype=np.int64), per_class)
    return SyntheticClasses(pixels, labels, tuple(repeated), tuple(skipped))
