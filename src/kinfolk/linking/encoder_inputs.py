"""Records of tables as encoders of records take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kinfolk.data import Records
from kinfolk.data.images import OnError
from kinfolk.data.record_images import read_field_images
from kinfolk.linking.alignment import FieldPair

if TYPE_CHECKING:
    from kinfolk.encoders.record_inputs import FieldInput, RecordInputs

_SIZE, _READING_SIZE = 64, 96  # pixels; letters need more


def inputs_of(
    tables: Sequence[Records],
    fields: Sequence[FieldPair],
    images: Sequence[FieldPair],
    *,
    reading: bool = False,
    on_error: OnError,
) -> RecordInputs:
    """The fields of the records of one or two tables, one table below the other.

    Args:
        tables: one, or two.
        fields, images: the fields and the columns of images.
        reading: whether the images are crops of writing.
        on_error: what happens at an image that cannot be read.
    """
    from kinfolk.encoders.record_inputs import RecordInputs, image_field, number_field, text_field

    size = _READING_SIZE if reading else _SIZE

    def names(pair: FieldPair) -> list[tuple[Records, str]]:
        return list(zip(tables, (pair.left, pair.right), strict=False))

    read: list[FieldInput] = []
    for pair in images:
        # Shapes of photographs stay as they are; long lines of writing are folded, so that they can be read.
        seen = [
            read_field_images(table, name, size=size, channels=1, fit="fold", on_error=on_error)
            for table, name in names(pair)
        ]
        pixels, present = (np.concatenate([getattr(side, of) for side in seen]) for of in ("pixels", "present"))
        shaded = pixels.max(axis=(1, 2, 3), initial=0) > pixels.min(axis=(1, 2, 3), initial=255)
        read.append(image_field(pair.label, pixels, present & shaded))  # in an image of one shade is nothing to see
    for pair in fields:
        if pair.role == "number":
            read.append(number_field(pair.label, np.concatenate([t.numbers(name) for t, name in names(pair)])))
        elif pair.role == "date":
            read.append(number_field(pair.label, np.concatenate([t.dates(name) for t, name in names(pair)])))
        else:
            read.append(text_field(pair.label, [text for t, name in names(pair) for text in t.texts(name)]))
    return RecordInputs(tuple(read))
