"""One image file to one array of a given size: whatever its colors, its depth, its orientation and its number of frames."""

from __future__ import annotations

import math
import struct
import threading
import zlib
from contextlib import nullcontext
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
Fit = Literal["pad", "crop", "fold"]

# An A3 page at 600 dots an inch has 70 million. A file of a few kilobytes can claim to be larger than any memory.
MAX_PIXELS = 100_000_000

# What Pillow raises on damaged files, depending on the format and the place of the damage
_DAMAGE = (
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError,
    MemoryError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
# An allow list: some of what else Pillow reads runs programs (PostScript), holds other files (IPTC), or decodes before its
# size is known (ICO).
FORMATS = (
    "AVIF", "BMP", "DIB", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "QOI", "SGI", "TGA", "TIFF", "WEBP",
)  # fmt: skip
"""What is read, as Pillow names it."""
_MANY = 16_000_000  # pixels; larger images are decoded one at a time, since each may take a gigabyte
_LARGE = threading.Lock()
_SHARED = 0.4  # of the breadth of a strip, in two neighboring pieces of it
_HALF = 0.35  # of the breadth of a strip, of which half a character takes no more
_MOST_PIECES = 8
_WORTH = 1.2  # how much larger folding must make a strip
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
        data: an encoded file in a format of ``FORMATS``, or decoded pixels, uint8 (height, width) or (height, width, 1, 3 or 4).
            The first frame is taken, turned as its EXIF orientation says.
        name: of the image, for messages.
        size: height and width of the result in pixels.
        channels: 3 for red, green, blue; 1 for gray.
        fit: "pad" shows the whole image in the middle, on the background; "crop" fills the square with its middle; "fold"
            cuts a line of writing into pieces that lie beside each other, so that a long one is not made illegible.
        background: gray level behind transparent pixels and in what is padded, in [0, 255]; 255 is white paper.
        max_pixels: images of more are refused before they are decoded; those of more than 178 million are in any case.

    Returns:
        uint8 (channels, size, size).

    Raises:
        DataError: it cannot be read, or it is too large; names the image.
    """
    from PIL import Image

    try:
        if isinstance(data, np.ndarray):
            image: Image.Image = Image.fromarray(_plane(data))
        else:
            image = Image.open(BytesIO(data), formats=_formats())
        if image.width * image.height > max_pixels:
            raise DataError(
                f"{name} has {image.width:,} x {image.height:,} pixels; at most {max_pixels:,} are read. Make it smaller."
            )
        with _LARGE if image.width * image.height > _MANY else nullcontext():
            # A JPEG can be decoded at a half, a quarter or an eighth of its size.
            image.draft(None, (2 * size, 2 * size))
            plain = _flattened(_turned(image), "L" if channels == 1 else "RGB", background, name)
            result = np.asarray(_fitted(plain, size, fit, background))
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{name} claims to be larger than any image should be: {error}") from error
    except _DAMAGE as error:
        raise DataError(f"{name} is not an image that can be read ({_reason(error)}). Correct or remove it.") from error
    return result[None] if channels == 1 else np.ascontiguousarray(result.transpose(2, 0, 1))


@cache
def _formats() -> tuple[str, ...]:
    """Those of ``FORMATS`` that this Pillow can read."""
    from PIL import Image

    Image.init()
    return tuple(kind for kind in FORMATS if kind in Image.OPEN)


def _turned(image: Image.Image) -> Image.Image:
    """The image as its EXIF orientation says; as it is where that cannot be read."""
    from PIL import ImageOps

    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except _DAMAGE:
        return image


def _plane(pixels: Pixels) -> Pixels:
    return pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels


def _flattened(image: Image.Image, mode: str, background: int, name: str) -> Image.Image:
    """The image in a mode without transparency."""
    from PIL import Image

    if image.mode == "F":
        raise DataError(f"{name} has floating-point pixels, whose range is not known. Save it with 8 or 16 bits.")
    if image.mode in _SIXTEEN_BITS:  # Pillow cuts off at 255 instead of scaling
        values = np.asarray(image).clip(0, None)
        most = _white(image.mode, int(values.max(initial=0)))
        image = Image.fromarray((np.minimum(values, most) * (255 / most)).round().astype(np.uint8))
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, (background,) * 3 + (255,))
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    return image.convert(mode)


def _white(mode: str, largest: int) -> int:
    """The value that is white: of 16 bits the largest there is; of 32 bits that of the fewest bits that hold what there is."""
    if mode != "I":
        return 65_535
    return next((most for most in (255, 65_535) if largest <= most), largest)


def _fitted(image: Image.Image, size: int, fit: Fit, background: int) -> Image.Image:
    from PIL import Image

    width, height = image.size
    if fit == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    pieces = fold(max(width, height), min(width, height)) if fit == "fold" else [(0.0, float(max(width, height)))]
    length = pieces[0][1] - pieces[0][0]
    scale = size / max(length, len(pieces) * min(width, height))
    canvas = Image.new(image.mode, (size, size), (background,) * len(image.getbands()))
    breadth = min(width, height) * scale
    for number, (start, end) in enumerate(pieces):
        across = (size - breadth * len(pieces)) / 2 + number * breadth
        along, shown = (size - length * scale) / 2, (max(1, round((end - start) * scale)), max(1, round(breadth)))
        if width >= height:
            piece = image.resize(shown, Image.Resampling.BICUBIC, box=(start, 0, end, height))
            canvas.paste(piece, (math.floor(along), math.floor(across)))
        else:
            piece = image.resize(shown[::-1], Image.Resampling.BICUBIC, box=(0, start, width, end))
            canvas.paste(piece, (math.floor(across), math.floor(along)))
    return canvas


def fold(length: int, breadth: int) -> list[tuple[float, float]]:
    """Where to cut a strip so that its pieces, side by side, fill a square best.

    Neighboring pieces share a part, less than half as long as the strip is broad, so that a character cut by one is whole
    in the other.

    Args:
        length: the longer side of the strip.
        breadth: the shorter one.

    Returns:
        Start and end of each piece, all of one length; a single piece where folding makes nothing larger.
    """

    def piece(num: int) -> float:
        return (length + (num - 1) * _SHARED * breadth) / num

    def side(num: int) -> float:  # of the square that the pieces need
        return max(piece(num), num * breadth)

    # Folding moves what belongs together apart, so it has to be worth it.
    num = min(range(1, _MOST_PIECES + 1), key=lambda n: side(n) * (1 if n > 1 else 1 / _WORTH))
    step = piece(num) - _SHARED * breadth
    # The last end is the length itself and not a sum that rounding leaves below it.
    return [(k * step, float(length) if k == num - 1 else k * step + piece(num)) for k in range(num)]


def folded_places(
    places: npt.NDArray[np.floating], *, width: int, height: int, size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.bool_], float]:
    """Where middles of characters come to lie when an image is folded into a square (``decode_image``, fit "fold").

    Args:
        places: x and y of each in pixels, (points, 2).
        width, height: of the image.
        size: of the square.

    Returns:
        Which point, int64 (found,), once for each piece that shows it or a part of it; its x and y in the square, float64
        (found, 2); whether no cut is so near that it may part the character, bool (found,); how much larger all is there.
    """
    length, breadth = float(max(width, height)), float(min(width, height))
    pieces = fold(max(width, height), min(width, height))
    piece = pieces[0][1] - pieces[0][0]
    scale = size / max(piece, len(pieces) * breadth)
    along, across = places[:, 0 if width >= height else 1], places[:, 1 if width >= height else 0]
    margin = _HALF * breadth
    rows, found, whole = list[npt.NDArray[np.int64]](), list[npt.NDArray[np.float64]](), list[npt.NDArray[np.bool_]]()
    for number, (start, end) in enumerate(pieces):
        within = (along >= start - margin) & (along <= end + margin)
        apart = (along >= (start + margin if start > 0 else 0)) & (along <= (end - margin if end < length else length))
        rows.append(np.flatnonzero(within))
        whole.append(apart[within])
        here = (size - piece * scale) / 2 + (along[within] - start) * scale
        there = (size - breadth * scale * len(pieces)) / 2 + (number * breadth + across[within]) * scale
        found.append(np.column_stack([here, there] if width >= height else [there, here]))
    return np.concatenate(rows), np.concatenate(found), np.concatenate(whole), scale


def _reason(error: BaseException) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):  # its text is the address of a buffer
        return "unknown format"
    return reason_of(error)
