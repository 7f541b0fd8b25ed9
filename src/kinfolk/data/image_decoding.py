"""One image file to one array of a given size: whatever its colors, its depth, its orientation and its number of frames."""

from __future__ import annotations

import struct
import zlib
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from kinfolk.data.wording import reason_of
from kinfolk.errors import DataError

if TYPE_CHECKING:
    from PIL import Image

Pixels = npt.NDArray[np.uint8]
Fit = Literal["pad", "crop"]

# An A3 page at 600 dots an inch has 70 million. A file of a few kilobytes can claim to be larger than any memory.
MAX_PIXELS = 100_000_000

# What Pillow raises on damaged files, depending on the format and the place of the damage
_DAMAGE = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError,
    MemoryError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
_SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")


def decode_image(
    data: bytes | Pixels,
    name: str,
    *,
    size: int,
    channels: Literal[1, 3] = 3,
    fit: Fit = "pad",
    background: int = 255,
    max_pixels: int = MAX_PIXELS,
) -> Pixels:
    """Decode an image and bring it to one size; its shape is kept.

    Args:
        data: an encoded file in any format that Pillow reads but PostScript, or decoded pixels, uint8 (height, width) or
            (height, width, 1, 3 or 4). The first frame is taken, turned as its EXIF orientation says.
        name: of the image, for messages.
        size: height and width of the result in pixels.
        channels: 3 for red, green, blue; 1 for gray.
        fit: "pad" shows the whole image in the middle, on the background; "crop" fills the square with its middle.
        background: gray level behind transparent pixels and in what is padded, in [0, 255]; 255 is white paper.
        max_pixels: images of more are refused before they are decoded.

    Returns:
        uint8 (channels, size, size).

    Raises:
        DataError: it cannot be read, or it is too large; names the image.
    """
    from PIL import Image, ImageOps

    try:
        if isinstance(data, np.ndarray):
            image: Image.Image = Image.fromarray(_plane(data))
        else:
            image = Image.open(BytesIO(data), formats=_formats())
        if image.width * image.height > max_pixels:
            raise DataError(
                f"{name} has {image.width:,} x {image.height:,} pixels; at most {max_pixels:,} are read. "
                "Make it smaller, or raise max_pixels if you trust it."
            )
        image.draft(None, (2 * size, 2 * size))  # a JPEG can be decoded at a half, a quarter or an eighth of its size
        turned = ImageOps.exif_transpose(image)
        plain = _flattened(turned, "L" if channels == 1 else "RGB", background, name)
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{name} claims to be larger than any image should be: {error}") from error
    except _DAMAGE as error:
        raise DataError(f"{name} is not an image that can be read ({_reason(error)}). Correct or remove it.") from error
    result = np.asarray(_fitted(plain, size, fit, background))
    return result[None] if channels == 1 else np.ascontiguousarray(result.transpose(2, 0, 1))


@cache
def _formats() -> tuple[str, ...]:
    """What Pillow reads, but for PostScript: it is a program, which another program would run."""
    from PIL import Image

    Image.init()
    return tuple(kind for kind in Image.ID if kind != "EPS")


def _plane(pixels: Pixels) -> Pixels:
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _flattened(image: Image.Image, mode: str, background: int, name: str) -> Image.Image:
    """The image in a mode without transparency."""
    from PIL import Image

    if image.mode == "F":
        raise DataError(f"{name} has floating-point pixels, whose range is not known. Save it with 8 or 16 bits.")
    if image.mode in _SIXTEEN_BITS:  # Pillow cuts off at 255 instead of scaling
        image = Image.fromarray((np.asarray(image).clip(0, 65_535) / 257).round().astype(np.uint8))
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, (background,) * 3 + (255,))
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return image.convert(mode)


def _fitted(image: Image.Image, size: int, fit: Fit, background: int) -> Image.Image:
    from PIL import Image

    width, height = image.size
    if fit == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    scale = size / max(width, height)
    smaller = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = Image.new(image.mode, (size, size), (background,) * len(image.getbands()))
    canvas.paste(image.resize(smaller, Image.Resampling.BICUBIC), ((size - smaller[0]) // 2, (size - smaller[1]) // 2))
    return canvas


def _reason(error: BaseException) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):  # its text is the address of a buffer
        return "unknown format"
    return reason_of(error)
