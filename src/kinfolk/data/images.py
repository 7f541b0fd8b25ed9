"""Images of any source as one array of bytes in memory, all of one size."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.data.image_decoding import MAX_PIXELS, Fit, Pixels, decode_image
from kinfolk.data.image_sources import Label, RawImage, open_images
from kinfolk.data.wording import listed, shortened
from kinfolk.errors import ConfigurationError, DataError, MissingExtraError

OnError = Literal["raise", "skip"]

_IMAGES_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Images:
    """Images of one size, in the order of their source.

    Attributes:
        pixels: uint8 (images, channels, size, size).
        names: of each image: its path below the folder, or its row; for messages and for finding it again.
        labels: int64 (images,), the place of each label in ``label_names``; None where no labels were asked for.
        label_names: every label once, sorted.
        skipped: a sentence for each image that could not be read.
    """

    pixels: Pixels
    names: tuple[str, ...]
    labels: npt.NDArray[np.int64] | None = None
    label_names: tuple[str | int, ...] = ()
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    def require_size(self, size: int) -> None:
        """Refuse images of another size than what is to see them.

        Raises:
            ConfigurationError: they are.
        """
        if self.pixels.shape[2:] != (size, size):
            height, width = self.pixels.shape[2:]
            raise ConfigurationError(
                f"Images of {size} x {size} pixels are needed. Got {height} x {width}. Read them anew."
            )


def read_images(
    source: str | Path | pa.Table,
    *,
    size: int,
    channels: Literal[1, 3] = 3,
    column: str | None = None,
    label: str | None = None,
    fit: Fit = "pad",
    background: int = 255,
    max_pixels: int = MAX_PIXELS,
    on_error: OnError = "raise",
    progress: Callable[[int, int], None] | None = None,
) -> Images:
    """Read all images of a source, decode them, and bring them to one size with their shape kept.

    Args:
        source: a folder, with all folders in it; a Parquet file or an Arrow table with a column of encoded images (bytes,
            or a dict of bytes and path as Hugging Face data sets have it); or an ``.npz`` file with an array of images.
        size: height and width in pixels.
        channels: 3 for red, green, blue; 1 for gray.
        column: the column, or the array, with the images; None takes the only one there is.
        label: the column, or the array, with the labels; of a folder, "folder" takes the names of its sub-folders.
        fit: "pad" shows each image whole, on the background; "crop" fills the square with its middle; "fold" cuts lines of
            writing into pieces that lie beside each other.
        background: gray level behind transparent pixels and in what is padded, in [0, 255]; 255 is white paper.
        max_pixels: images of more are not read, since a small file can claim to be larger than any memory.
        on_error: "raise" stops at the first image that cannot be read; "skip" leaves it out and says so in ``skipped``.
        progress: called with how many images are done, and of how many, every 256 images and at the end.

    Returns:
        The images, at one byte a value: 10,000 of 64 x 64 in three colors take 123 MB.

    Raises:
        DataError: the source or an image cannot be read, or no image is left.
        ConfigurationError: an option that is not possible.
        MissingExtraError: Pillow is not installed.
    """
    check_image_options(size, channels, fit, background, on_error)
    if find_spec("PIL") is None:
        raise MissingExtraError("Reading images", "images")
    opened = open_images(source, column=column, label=label)
    decode = partial(decode_image, size=size, channels=channels, fit=fit, background=background, max_pixels=max_pixels)
    attempt = partial(_attempt, decode=decode, labeled=label is not None)
    pixels = space_for_images(opened.total, channels, size)
    names: list[str] = []
    labels: list[Label] = []
    skipped: list[str] = []
    done = 0
    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        # Pillow warns of damage that does not matter, and of sizes by a limit of its own; here max_pixels decides.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        while some := list(islice(opened.images, _IMAGES_AT_ONCE)):
            for raw, image in zip(some, threads.map(attempt, some), strict=True):
                if isinstance(image, DataError):
                    if on_error == "raise":
                        raise DataError(
                            f'{image} Or leave out what cannot be read: --on-error skip, on_error="skip" in Python.'
                        )
                    skipped.append(str(image))
                else:
                    pixels[len(names)] = image
                    names.append(raw.name)
                    labels.append(raw.label)
            done += len(some)
            if progress is not None:
                progress(done, opened.total)
    if not names:
        raise DataError(f"{opened.name} has no image that can be read. {skipped[0] if skipped else 'It is empty.'}")
    places, label_names = _numbered(labels, opened.name) if label is not None else (None, ())
    return Images(pixels[: len(names)], tuple(names), places, label_names, tuple(skipped))


def _attempt(raw: RawImage, *, decode: Callable[[bytes | Pixels, str], Pixels], labeled: bool) -> Pixels | DataError:
    """The image, or why there is none; an error is a result here, since the caller decides what it means."""
    try:
        if labeled and raw.label is None:
            raise DataError(f"{raw.name} has no label. Remove the row, or give it one.")
        return decode(raw.read(), raw.name)
    except DataError as error:
        return error


def _numbered(labels: list[Label], name: str) -> tuple[npt.NDArray[np.int64], tuple[str | int, ...]]:
    """The place of each label among the sorted ones, and these."""
    texts = sorted({of for of in labels if isinstance(of, str)})
    numbers = sorted({of for of in labels if isinstance(of, int)})
    others = [of for of in labels if not isinstance(of, str | int)]
    if others or (texts and numbers):
        got = [shortened(repr(of)) for of in [*others[:3], *texts[:2], *numbers[:2]]]
        raise DataError(
            f"{name}: labels must all be text, or all whole numbers. Got {listed(got)}. Convert them, or name another label."
        )
    ordered: tuple[str | int, ...] = (*texts, *numbers)
    place = {of: number for number, of in enumerate(ordered)}
    return np.array([place[of] for of in labels if of is not None], dtype=np.int64), ordered


def space_for_images(total: int, channels: int, size: int) -> Pixels:
    """Memory for images, uint8 (total, channels, size, size), not filled.

    Raises:
        DataError: the machine does not have as much.
    """
    try:
        return np.empty((total, channels, size, size), dtype=np.uint8)
    except (MemoryError, ValueError) as error:  # a ValueError where not even the number of bytes can be counted
        raise DataError(
            f"{total:,} images of {size} x {size} need {total * channels * size**2 / 1e9:,.0f} GB of memory, which this "
            "machine does not give. Choose a smaller size, or read fewer images."
        ) from error


def check_image_options(size: int, channels: int, fit: str, background: int, on_error: str) -> None:
    """Refuse options of reading images that are not possible.

    Raises:
        ConfigurationError: one is not.
    """
    if size < 1:
        raise ConfigurationError(f"size must be at least 1. Got {size}.")
    if channels not in (1, 3):
        raise ConfigurationError(f"channels must be 1 (gray) or 3 (red, green, blue). Got {channels}.")
    if not 0 <= background <= 255:
        raise ConfigurationError(f"background must be in [0, 255]. Got {background}.")
    if fit not in get_args(Fit):
        raise ConfigurationError(f"fit must be 'pad', 'crop' or 'fold'. Got {fit!r}.")
    check_on_error(on_error)


def check_on_error(on_error: str) -> None:
    """Refuse what cannot be done at an image that cannot be read.

    Raises:
        ConfigurationError: it is neither "raise" nor "skip".
    """
    if on_error not in get_args(OnError):
        raise ConfigurationError(f"on_error must be 'raise' or 'skip'. Got {on_error!r}.")
