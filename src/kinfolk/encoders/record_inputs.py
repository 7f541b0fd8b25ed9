"""Records as encoders take them: for each field pixels, texts or numbers, and where they are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from kinfolk.data.images import Images
from kinfolk.errors import ConfigurationError

FieldKind = Literal["image", "text", "number"]
Values = npt.NDArray[np.uint8] | tuple[str, ...] | npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FieldInput:
    """The values of one field.

    Attributes:
        name: of the field.
        kind: of the values.
        values: pixels uint8 (records, channels, size, size); as many texts; or numbers float32 (records,).
        present: whether a record has a value, bool (records,).
    """

    name: str
    kind: FieldKind
    values: Values
    present: npt.NDArray[np.bool_]

    def take(self, rows: npt.NDArray[np.int64]) -> FieldInput:
        """The values at these rows."""
        values = self.values
        chosen = tuple(values[row] for row in rows) if isinstance(values, tuple) else values[rows]
        return replace(self, values=chosen, present=self.present[rows])


@dataclass(frozen=True, eq=False)
class RecordInputs:
    """The fields of the same records.

    Attributes:
        fields: at least one; names differ.

    Raises:
        ConfigurationError: there is none, two have one name, or they are of different numbers of records.
    """

    fields: tuple[FieldInput, ...]

    def __post_init__(self) -> None:
        if not self.fields:
            raise ConfigurationError("Records need at least one field that an encoder can read. Got none.")
        names = [field.name for field in self.fields]
        if len(set(names)) < len(names):
            raise ConfigurationError(f"Fields need names of their own. Got {', '.join(names)}.")
        sizes = {len(field.values) for field in self.fields} | {len(field.present) for field in self.fields}
        if len(sizes) > 1:
            raise ConfigurationError(f"Fields must have the same number of records. Got {sorted(sizes)}.")

    def __len__(self) -> int:
        return len(self.fields[0].present)

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which record has which field, bool (records, fields)."""
        return np.column_stack([field.present for field in self.fields])

    def take(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> RecordInputs:
        """The records at these rows.

        Raises:
            ConfigurationError: a mask in place of row numbers.
        """
        at = np.asarray(rows)
        if at.dtype == np.bool_:
            raise ConfigurationError("Records are taken by their rows. Got a mask; give np.flatnonzero of it.")
        at = at.astype(np.int64)
        return RecordInputs(tuple(field.take(at) for field in self.fields))


def image_field(
    name: str, images: Images | npt.NDArray[np.uint8], present: npt.NDArray[np.bool_] | None = None
) -> FieldInput:
    """A field of pictures, uint8 (records, channels, size, size); without ``present`` every record has one."""
    pixels = images.pixels if isinstance(images, Images) else images
    if pixels.ndim != 4 or pixels.dtype != np.uint8:
        raise ConfigurationError(
            f"Pictures must be uint8 (records, channels, size, size). Got {pixels.dtype} of shape {pixels.shape}."
        )
    return FieldInput(name, "image", pixels, np.ones(len(pixels), np.bool_) if present is None else present)


def text_field(name: str, texts: Sequence[str]) -> FieldInput:
    """A field of texts; a blank one is missing."""
    return FieldInput(name, "text", tuple(texts), np.array([bool(text.strip()) for text in texts], dtype=np.bool_))


def number_field(name: str, numbers: npt.NDArray[np.floating]) -> FieldInput:
    """A field of numbers (dates as days); NaN is missing."""
    values = np.asarray(numbers, dtype=np.float32)
    return FieldInput(name, "number", np.nan_to_num(values, posinf=0, neginf=0), np.isfinite(values))
