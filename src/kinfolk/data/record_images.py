"""The images of a column of records: paths of files, encoded bytes, or both as Hugging Face data sets have them."""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.data.image_decoding import MAX_PIXELS, Fit, Pixels, decode_image
from kinfolk.data.image_sources import RawImage, holds_images, image_cell, open_file
from kinfolk.data.images import OnError, check_image_options, space_for_images
from kinfolk.data.names import require_columns
from kinfolk.data.records import Records
from kinfolk.data.text import as_text, is_string
from kinfolk.data.wording import printable, shortened
from kinfolk.errors import ConfigurationError, DataError, MissingExtraError

_T = TypeVar("_T", bound=np.generic)

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|data:")
_IMAGES_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class FieldImages:
    """The images of one column, equal ones once.

    Attributes:
        distinct: uint8 (images, channels, size, size), in the order in which they first occur.
        place: int64 (records,), which of the distinct images a record has; -1 where it has none that can be read.
        digests: of the file of each distinct image; equal for equal files only.
        skipped: a sentence for each image that could not be read.
    """

    distinct: Pixels
    place: npt.NDArray[np.int64]
    digests: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.place)

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which records have an image that can be read, (records,)."""
        return np.asarray(self.place >= 0)

    @property
    def pixels(self) -> Pixels:
        """The image of each record, uint8 (records, channels, size, size); zeros where there is none."""
        return self.spread(self.distinct)

    @property
    def values(self) -> list[str]:
        """A text for the image of each record: equal for equal files only, "" where there is none."""
        return [self.digests[at] if at >= 0 else "" for at in self.place.tolist()]

    def spread(self, of_distinct: npt.NDArray[_T]) -> npt.NDArray[_T]:
        """What belongs to the distinct images, (images, …), for each record, (records, …); zeros where it has none."""
        out = np.zeros((len(self.place), *of_distinct.shape[1:]), dtype=of_distinct.dtype)
        out[self.present] = of_distinct[self.place[self.present]]
        return out


def read_field_images(
    records: Records,
    field: str,
    *,
    size: int,
    channels: Literal[1, 3] = 3,
    fit: Fit = "pad",
    background: int = 255,
    max_pixels: int = MAX_PIXELS,
    on_error: OnError = "raise",
    advance: Callable[[float], None] | None = None,
) -> FieldImages:
    """Read the images of one column, and bring them to one size with their shape kept.

    A cell is the path of a file, absolute or from the folder that the table came from (``Records.folder``); the bytes of one; a
    dict of bytes and path; or missing. Nothing is fetched from the network. A path or bytes that come again are decoded once.

    Args:
        records: the table.
        field: the column.
        size: height and width in pixels.
        channels: 3 for red, green, blue; 1 for gray.
        fit: "pad" shows each image whole, on the background; "crop" fills the square with its middle.
        background: gray level behind transparent pixels and in what is padded, in [0, 255]; 255 is white paper.
        max_pixels: images of more are not read, since a small file can claim to be larger than any memory.
        on_error: "raise" stops at the first image that cannot be read; "skip" takes it for missing and says so in ``skipped``.
        advance: told the share that is done.

    Raises:
        DataError: an image cannot be read; names its row, its column and its path.
        ConfigurationError: no such column, one that cannot hold images, or an option that is not possible.
        MissingExtraError: Pillow is not installed.
    """
    check_image_options(size, channels, fit, background, on_error)
    if find_spec("PIL") is None:
        raise MissingExtraError("Reading images", "images")
    column = _Column(records, field)
    decode = partial(decode_image, size=size, channels=channels, fit=fit, background=background, max_pixels=max_pixels)
    distinct = space_for_images(len(column.first_rows), channels, size)
    place_of_digest: dict[str, int] = {}
    place_of_cell: list[int] = []
    skipped: list[str] = []
    with warnings.catch_warnings(), ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:
        # Pillow warns of damage that does not matter, and of sizes by a limit of its own; here max_pixels decides.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        for start in range(0, len(column.first_rows), _IMAGES_AT_ONCE):
            if advance is not None:
                advance(start / len(column.first_rows))
            cells = range(start, min(start + _IMAGES_AT_ONCE, len(column.first_rows)))
            for image in threads.map(partial(_attempt, column, decode), cells):
                if isinstance(image, DataError):
                    if on_error == "raise":
                        raise DataError(
                            f'{image} Or take what cannot be read for missing: --on-error skip, on_error="skip" in Python.'
                        )
                    skipped.append(str(image))
                    place_of_cell.append(-1)
                    continue
                digest, pixels = image
                if digest not in place_of_digest:
                    distinct[len(place_of_digest)] = pixels
                place_of_cell.append(place_of_digest.setdefault(digest, len(place_of_digest)))
    # A missing cell is number -1, which finds the last entry.
    place = np.array([*place_of_cell, -1], dtype=np.int64)[column.cell_of]
    return FieldImages(distinct[: len(place_of_digest)], place, tuple(place_of_digest), tuple(skipped))


def hash_image_files(records: Records) -> str:
    """A short text that changes when the contents of the files change that image columns name; bytes in the table do not count."""
    digest = hashlib.blake2b(digest_size=16)
    for field in records.fields("image"):
        column = _Column(records, field)
        for name, path in column.files():
            try:
                with open_file(path, name) as file:
                    contents = hashlib.file_digest(file, "blake2b").hexdigest()
            except DataError:
                contents = "unreadable"
            digest.update(f"{field}\0{name}\0{contents}\0".encode())
    return digest.hexdigest()


class _Column:
    """The cells of a column, equal ones once, and what messages call them.

    Attributes:
        first_rows: for each distinct cell the row in which it first occurs.
        cell_of: int64 (records,), the distinct cell of each record; -1 where it is missing.
    """

    def __init__(self, records: Records, field: str) -> None:
        require_columns((field,), records.table.column_names, records.name)
        self._records, self._field = records, field
        values = records.table.column(field)
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        if not (is_string(values.type) or holds_images(values.type) or pa.types.is_null(values.type)):
            raise ConfigurationError(
                f"{records.name}: column '{field}' must hold images: paths of files, bytes, or dicts of bytes and path. "
                f"It is {values.type}."
            )
        self._values = as_text(values) if is_string(values.type) else values
        self._folder = Path() if records.folder is None else records.folder
        cells: dict[str | bytes, int] = {}
        self.first_rows: list[int] = []
        self.cell_of = np.full(len(records), -1, dtype=np.int64)
        for row, value in enumerate(self._values):
            cell = image_cell(value.as_py())
            if cell is not None:
                key = cell if isinstance(cell, str) else _digest(cell).encode()
                self.cell_of[row] = cells.setdefault(key, len(cells))
                if len(cells) > len(self.first_rows):
                    self.first_rows.append(row)
        self._times = np.bincount(self.cell_of[self.cell_of >= 0], minlength=len(cells))

    def read(self, cell: int) -> tuple[bytes, str]:
        """The contents of the file of a distinct cell, and what messages call it.

        Raises:
            DataError: it cannot be read.
        """
        value = image_cell(self._values[self.first_rows[cell]].as_py())
        name = self._name_of(cell, value)
        if isinstance(value, str) and _ADDRESS.match(value):
            raise DataError(
                f"{name} is an address, and nothing is fetched from the network. Download the images, and give their paths."
            )
        data = RawImage(name, self._folder / value if isinstance(value, str) else value).read()
        assert isinstance(data, bytes)
        return data, name

    def files(self) -> list[tuple[str, Path]]:
        """The files that the column names, as named and where they are, sorted."""
        cells = (image_cell(self._values[row].as_py()) for row in self.first_rows)
        return sorted(
            (cell, self._folder / cell) for cell in cells if isinstance(cell, str) and not _ADDRESS.match(cell)
        )

    def _name_of(self, cell: int, value: str | bytes | None) -> str:
        row = self.first_rows[cell]
        numbers = self._records.row_numbers
        shown = int(numbers[row].as_py()) if numbers is not None else row + 1
        again = self._times[cell] - 1
        more = f" and {again:,} more" if again else ""
        path = f" ({printable(shortened(value, 200))})" if isinstance(value, str) else ""
        return f"{self._records.name} row {shown:,}{more}, column '{self._field}'{path}"


def _attempt(column: _Column, decode: Callable[[bytes, str], Pixels], cell: int) -> tuple[str, Pixels] | DataError:
    """The digest and the pixels, or why there are none; an error is a result here, since the caller decides what it means."""
    try:
        data, name = column.read(cell)
        return _digest(data), decode(data, name)
    except DataError as error:
        return error


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
