"""What the learned encoder looked at in a pair: what the cosine of both records loses without a field, a patch or a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kinfolk.data import Records
from kinfolk.linking.alignment import FieldPair, columns_of
from kinfolk.linking.encoder_inputs import inputs_of

if TYPE_CHECKING:
    from kinfolk.encoders.record_inputs import RecordInputs
    from kinfolk.methods.clippings.model import RecordModel

_PATCHES = 8  # along each side of a picture
_MOST_PARTS = 60  # words of a text, or characters of a single word


@dataclass(frozen=True)
class PictureFocus:
    """Where in a picture the nearness lies.

    Attributes:
        pixels: as the encoder sees them, long lines folded: uint8 (channels, size, size).
        losses: of the cosine without each patch, float32 (patches, patches).
    """

    pixels: npt.NDArray[np.uint8]
    losses: npt.NDArray[np.float32]


@dataclass(frozen=True)
class TextFocus:
    """In which words of a text, or characters of a single word, it lies.

    Attributes:
        words: each with the loss of the cosine without it, in order.
        spaced: whether a space stood between them.
    """

    words: tuple[tuple[str, float], ...]
    spaced: bool


@dataclass(frozen=True)
class FieldFocus:
    """One field of both records.

    Attributes:
        label: of the field.
        loss: of the cosine without the field in both records; NaN where one of them lacks it.
        left, right: where in the value it lies; None for numbers, long texts, and where one of both lacks the field.
    """

    label: str
    loss: float
    left: PictureFocus | TextFocus | None = None
    right: PictureFocus | TextFocus | None = None


@dataclass(frozen=True)
class Focus:
    """What the learned encoder makes of a pair.

    Attributes:
        cosine: of both records, in [-1, 1]; the mean, where two encoders learned from labels.
        fields: in the order of the encoder.
    """

    cosine: float
    fields: tuple[FieldFocus, ...]


def focus_on(models: Sequence[RecordModel], left: Records, right: Records) -> Focus:
    """Look at one pair.

    Args:
        models: trained on the tables that the records are of; of several, the mean of what they say is told.
        left, right: one record each.
    """
    from kinfolk.methods.clippings.occlusion import losses_of_fields

    both = _inputs(models[0], left, right)
    one, other = (both.take([side]) for side in (0, 1))
    found = [losses_of_fields(model, one, other) for model in models]
    fields = []
    for name in found[0].fields:
        loss = float(np.mean([losses.fields[name] for losses in found]))
        sides = (
            (None, None) if np.isnan(loss) else (_within(models, one, other, name), _within(models, other, one, name))
        )
        fields.append(FieldFocus(name, loss, *sides))
    return Focus(float(np.mean([losses.cosine for losses in found])), tuple(fields))


def _inputs(model: RecordModel, left: Records, right: Records) -> RecordInputs:
    """Both records as the model takes them, one below the other."""
    images, others = [], []
    for field in model.encoder.fields:
        columns = columns_of(field.name, left, right)
        if field.kind == "image":
            images.append(FieldPair(*columns, "image"))
        elif field.kind == "number":
            others.append(FieldPair(*columns, "date" if left.roles.get(columns[0]) == "date" else "number"))
        else:
            others.append(FieldPair(*columns, "text"))
    reads = any(stage["stage"] == "read" for stage in model.about["stages"])
    return inputs_of((left, right), others, images, reading=reads, on_error="skip")


def _within(
    models: Sequence[RecordModel], one: RecordInputs, other: RecordInputs, name: str
) -> PictureFocus | TextFocus | None:
    """Where in the value of the first record its nearness to the second lies."""
    from kinfolk.methods.clippings.occlusion import losses_of_patches, losses_of_words

    field = next(field for field in one.fields if field.name == name)
    if field.kind == "image":
        assert not isinstance(field.values, tuple)
        patches = [losses_of_patches(model, one, other, name, patches=_PATCHES) for model in models]
        return PictureFocus(field.values[0], np.mean(patches, axis=0))
    if field.kind == "text":
        text = str(field.values[0])
        num_words = len(text.split())
        if (num_words if num_words > 1 else len(text.strip())) <= _MOST_PARTS:
            found = [losses_of_words(model, one, other, name) for model in models]
            words = [word for word, _ in found[0]]
            losses = np.mean([[loss for _, loss in of_model] for of_model in found], axis=0).tolist()
            return TextFocus(tuple(zip(words, losses, strict=True)), num_words > 1)
    return None
