"""Where images come from: a folder of files, a column of a Parquet file or an Arrow table, an array of an ``.npz`` file."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from stat import S_ISREG
from zipfile import BadZipFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kinfolk.data.image_decoding import Pixels
from kinfolk.data.names import require_columns
from kinfolk.data.text import is_string
from kinfolk.data.wording import listed, printable, reason_of
from kinfolk.errors import ConfigurationError, DataError

_RASTER = (".bmp", ".gif", ".png", ".tga", ".tif", ".tiff", ".pbm", ".pgm", ".pnm", ".ppm")
_PHOTO = (".avif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".webp")
SUFFIXES = frozenset(_RASTER + _PHOTO)
FOLDER = "folder"
"""What to give as ``label`` to take the names of sub-folders."""

Label = str | int | None

_MOST_BYTES = 1 << 30  # 100 million pixels of four colors with 16 bits, uncompressed, have 800 million

# What reading a damaged or encrypted archive raises, or one that claims more than any memory holds
_BROKEN_ARCHIVE = (BadZipFile, OSError, ValueError, EOFError, RuntimeError, MemoryError, zlib.error)


@dataclass(frozen=True)
class RawImage:
    """An image before it is decoded.

    Attributes:
        name: what messages call it: its path below the folder, or its row.
        data: encoded bytes, the file that holds them, or decoded pixels; None where the row has no image.
        label: None where there is none.
    """

    name: str
    data: bytes | Path | Pixels | None
    label: Label = None

    def read(self) -> bytes | Pixels:
        """The bytes or the pixels.

        Raises:
            DataError: there are none, or the file cannot be read.
        """
        if isinstance(self.data, Path):
            with open_file(self.data, self.name) as file:
                return file.read()
        if self.data is None:
            raise DataError(f"{self.name} has no image. Remove the row.")
        return self.data


@contextmanager
def open_file(path: Path, name: str) -> Iterator[BufferedReader]:
    """Open a file of bytes that a table or a folder names; a pipe or a device is none, and could be read forever.

    Raises:
        DataError: it cannot be read; names it.
    """
    try:
        if not S_ISREG(path.stat().st_mode):
            raise DataError(f"{name} cannot be read (it is no file). Correct or remove it.")
        if path.stat().st_size > _MOST_BYTES:
            raise DataError(f"{name} is larger than {_MOST_BYTES >> 20:,} MB, as no image should be. Make it smaller.")
        with path.open("rb") as file:
            yield file
    except DataError:
        raise
    except (OSError, ValueError) as error:  # a path with a null character is a ValueError
        reason = getattr(error, "strerror", None) or reason_of(error)
        raise DataError(f"{name} cannot be read ({reason}). Correct or remove it.") from error


@dataclass(frozen=True)
class ImageSource:
    """Images that can be gone through once: how many, and each in turn."""

    name: str
    total: int
    images: Iterator[RawImage]


def open_images(source: str | Path | pa.Table, *, column: str | None, label: str | None) -> ImageSource:
    """Find out what a source is and go through its images; arguments as for ``read_images``.

    Raises:
        DataError: there is no such source, or it holds no images.
        ConfigurationError: an option that does not fit the source, or a column that does not exist.
    """
    if isinstance(source, pa.Table):
        return _of_table("table", source.schema, len(source), lambda _: source.to_batches(), Path(), column, label)
    path = Path(source)
    if path.is_dir():
        return _of_folder(path, column, label)
    if not path.is_file():
        raise DataError(f"There is no file or folder {path}. Check the name.")
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). Ask its owner for the right to.") from error
    if head == b"PAR1":
        return _of_parquet(path, column, label)
    if head == b"PK\x03\x04":
        return _of_arrays(path, column, label)
    raise DataError(f"{path.name} is neither a folder of images, nor a Parquet file, nor an .npz file of arrays.")


def _of_folder(folder: Path, column: str | None, label: str | None) -> ImageSource:
    if column is not None:
        raise ConfigurationError(f"column is for Parquet and .npz files; {folder} is a folder. Leave it out.")
    if label not in (None, FOLDER):
        raise ConfigurationError(f"label of a folder must be {FOLDER!r}, for the names of sub-folders. Got {label!r}.")
    places = sorted(path.relative_to(folder) for path in _image_files(folder))
    if not places:
        raise DataError(f"{folder} holds no images: files named {listed(sorted(SUFFIXES), limit=20)} are read.")
    if label is not None:
        bare = next((place for place in places if len(place.parts) == 1), None)
        if bare is not None:
            raise DataError(f"{bare} lies in no sub-folder of {folder}, so it has no label. Move it into one.")
    images = (RawImage(printable(str(p)), folder / p, None if label is None else p.parts[0]) for p in places)
    return ImageSource(str(folder), len(places), images)


def _image_files(folder: Path) -> Iterator[Path]:
    """Files that are named as images, in a folder and all folders in it.

    Links to folders are followed after all others, and no folder is read twice: links may lead in circles. What begins with
    a point is hidden, such as the "._" files that other systems leave beside each image.
    """
    folders, links, seen = [folder], list[Path](), set[Path]()
    while folders or links:
        place = folders.pop() if folders else links.pop(0)
        whole = place.resolve()
        if whole in seen:
            continue
        seen.add(whole)
        for path in _shown(place):
            if path.is_dir():
                (links if path.is_symlink() else folders).append(path)
            # A link that leads nowhere is an image that cannot be read; a pipe is none, and would be waited for.
            elif path.suffix.lower() in SUFFIXES and (path.is_file() or not path.exists()):
                yield path


def _shown(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise DataError(
            f"The folder {folder} cannot be read ({error.strerror}). Ask its owner for the right to, or move it elsewhere."
        ) from error


def _of_parquet(path: Path, column: str | None, label: str | None) -> ImageSource:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path.name} is not a whole Parquet file. It may be cut short: copy it again.") from error

    def batches(columns: list[str]) -> Iterable[pa.RecordBatch]:
        try:
            yield from file.iter_batches(batch_size=256, columns=columns)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{path.name} is damaged ({reason_of(error)}). Copy it again.") from error

    return _of_table(path.name, file.schema_arrow, file.metadata.num_rows, batches, path.parent, column, label)


def _of_table(
    name: str,
    schema: pa.Schema,
    total: int,
    batches: Callable[[list[str]], Iterable[pa.RecordBatch]],
    folder: Path,
    column: str | None,
    label: str | None,
) -> ImageSource:
    require_columns([c for c in (column, label) if c is not None], schema.names, name)
    doubled = next((c for c in (column, label) if c is not None and schema.names.count(c) > 1), None)
    if doubled is not None:
        raise DataError(f"{name} has {schema.names.count(doubled)} columns '{doubled}'. Rename all but one.")
    chosen = column or _image_column(schema, name)
    if not holds_images(schema.field(chosen).type):
        raise ConfigurationError(
            f"{name}: column '{chosen}' must hold encoded images: bytes, or a dict of bytes and path. "
            f"It is {schema.field(chosen).type}."
        )

    def images() -> Iterator[RawImage]:
        row = 0
        for batch in batches([chosen] if label is None else [chosen, label]):
            labels = [None] * len(batch) if label is None else batch.column(label).to_pylist()
            for value, of in zip(batch.column(chosen), labels, strict=True):
                row += 1
                cell = image_cell(value.as_py())
                yield RawImage(f"{name} row {row:,}", folder / cell if isinstance(cell, str) else cell, of)

    return ImageSource(name, total, images())


def image_cell(value: bytes | str | dict[str, object] | None) -> bytes | str | None:
    """What a cell says of its image: the bytes, or else the path of the file; None where it is missing."""
    if not isinstance(value, dict):
        return value
    data, path = value.get("bytes"), value.get("path")
    if isinstance(data, bytes):
        return data
    return path if isinstance(path, str) and path else None


def name_image(value: bytes | str | dict[str, object] | None) -> str:
    """What people are shown of a cell in place of its image: its path, or else how many bytes it has; "" where it is missing."""
    path = value.get("path") if isinstance(value, dict) else None
    cell = path if isinstance(path, str) and path else image_cell(value)
    return "" if cell is None else cell if isinstance(cell, str) else f"({len(cell):,} bytes)"


def holds_images(kind: pa.DataType) -> bool:
    """Whether values of a type can be encoded images: bytes, or a dict of bytes and path, or of one of them."""
    if pa.types.is_struct(kind):
        types = {field.name: field.type for field in kind}
        data, path = types.get("bytes", pa.null()), types.get("path", pa.null())
        return holds_images(data) or (pa.types.is_null(data) and is_string(path) and types.keys() <= {"bytes", "path"})
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _image_column(schema: pa.Schema, name: str) -> str:
    found = [field.name for field in schema if holds_images(field.type)]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise ConfigurationError(f"{name}: columns {listed(found)} hold bytes. Name the one with images (column).")
    raise DataError(
        f"{name} has no column of encoded images: bytes, or a dict of bytes and path. "
        f"Its columns: {listed(schema.names, limit=20) if schema.names else 'none'}."
    )


def _of_arrays(path: Path, column: str | None, label: str | None) -> ImageSource:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = [entry.removesuffix(".npy") for entry in file.zip.namelist() if entry.endswith(".npy")]
            if not arrays:
                raise DataError(f"{path.name} is an archive without arrays. Unpack it, and give the folder.")
            require_columns([c for c in (column, label) if c is not None], arrays, path.name)
            found = [key for key in arrays if file[key].ndim in (3, 4)] if column is None else [column]
            if len(found) != 1:
                raise ConfigurationError(
                    f"{path.name}: one array of images (images, height, width[, channels]) is needed, and {len(found)} "
                    f"of {listed(arrays)} could be it. Name it (column)."
                )
            pixels = _as_bytes(file[found[0]], f"{path.name}: array '{found[0]}'")
            labels = np.full(len(pixels), None) if label is None else file[label]
    except _BROKEN_ARCHIVE as error:
        if isinstance(error, (DataError, ConfigurationError)):
            raise
        raise DataError(
            f"{path.name} is not a whole .npz file of plain arrays ({reason_of(error)}). Save it again."
        ) from error
    if labels.shape != (len(pixels),):
        raise DataError(
            f"{path.name}: every image needs a label, {len(pixels):,} in a row. Got an array '{label}' of shape {labels.shape}."
        )
    names = (f"{path.name} image {row:,}" for row in range(1, len(pixels) + 1))
    images = (RawImage(n, image, of) for n, image, of in zip(names, pixels, labels.tolist(), strict=True))
    return ImageSource(path.name, len(pixels), images)


def _as_bytes(values: np.ndarray, name: str) -> Pixels:
    """Images as uint8 (images, height, width[, channels]), from bytes, booleans or floats in [0, 1]."""
    if values.ndim == 4 and values.shape[3] not in (1, 3, 4) and values.shape[1] in (1, 3, 4):
        values = np.moveaxis(values, 1, 3)
    if values.ndim not in (3, 4) or 0 in values.shape[1:] or (values.ndim == 4 and values.shape[3] not in (1, 3, 4)):
        raise DataError(
            f"{name} must be of shape (images, height, width), or with 1, 3 or 4 channels last or second. "
            f"Got {values.shape}."
        )
    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if np.issubdtype(values.dtype, np.floating) and np.all((values >= 0) & (values <= 1)):
        return (values * 255).round().astype(np.uint8)
    raise DataError(
        f"{name} must hold uint8, booleans, or floats in [0, 1]. Got {values.dtype}, perhaps out of range. Convert it."
    )
