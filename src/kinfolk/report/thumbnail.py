"""Images as small pictures inside the page."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np

from kinfolk.data.image_decoding import Pixels

_QUALITY = 80


def thumbnail(pixels: Pixels, *, side: int) -> str:
    """A JPEG as a ``data:`` address, at most ``side`` pixels wide and high; never larger than the image is.

    Args:
        pixels: uint8 (channels, height, width), with one channel (gray) or three.
        side: in pixels.
    """
    from PIL import Image

    image = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    image.thumbnail((side, side))
    held = BytesIO()
    image.save(held, "JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(held.getvalue()).decode()}"
