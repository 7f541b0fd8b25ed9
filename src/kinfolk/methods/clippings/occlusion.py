"""Why two records are near: what their cosine loses when a field, a patch of a picture or a word is taken away.

What is taken away is not there at all: a field is missing, a patch is paper, a word is left out of its text. The loss can be
negative, where two records would be nearer without it.

Source: Zeiler & Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, arXiv 1311.2901, section 4.2,
with the cosine of two records in place of the score of a class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kinfolk.encoders.record_inputs import FieldInput, RecordInputs
from kinfolk.errors import ConfigurationError
from kinfolk.methods.clippings.model import RecordModel

_PAPER = 255


@dataclass(frozen=True)
class Losses:
    """What the cosine of two records loses.

    Attributes:
        cosine: with all there is.
        fields: without a field in both records, by name; NaN for a field that one of them does not have.
    """

    cosine: float
    fields: Mapping[str, float]


def losses_of_fields(
    model: RecordModel, one: RecordInputs, other: RecordInputs, *, weights: Mapping[str, float] | None = None
) -> Losses:
    """Which field decided: the loss without it, in both records.

    Args:
        model: the encoder.
        one, other: a record each.
        weights: of the fields; None takes the learned ones.

    Raises:
        ConfigurationError: not one record each, or other fields than those of the model.
    """
    _require_one(one, other)
    cosine = float((model.encode(one, weights=weights) @ model.encode(other, weights=weights).T)[0, 0])
    losses = {}
    for at, name in enumerate(model.field_names):
        if not (one.fields[at].present[0] and other.fields[at].present[0]):
            losses[name] = float("nan")
            continue
        pair = [model.encode(_without(record, at), weights=weights) for record in (one, other)]
        losses[name] = cosine - float((pair[0] @ pair[1].T)[0, 0])
    return Losses(cosine, losses)


def losses_of_patches(
    model: RecordModel,
    one: RecordInputs,
    other: RecordInputs,
    field: str,
    *,
    patches: int = 8,
    weights: Mapping[str, float] | None = None,
) -> npt.NDArray[np.float32]:
    """Where in the picture of the first record its nearness to the second lies.

    Args:
        model: the encoder.
        one, other: a record each.
        field: of pictures, which the first record has.
        patches: along each side, at least 1 and at most as many as there are pixels.
        weights: of the fields; None takes the learned ones.

    Returns:
        Loss of the cosine without each patch, float32 (patches, patches); row 0 is the top.

    Raises:
        ConfigurationError: the record has no such picture, or as many patches are not possible.
    """
    at, given = _field(model, one, other, field, kind="image")
    assert not isinstance(given.values, tuple)
    pixels = given.values[0]
    if not 1 <= patches <= min(pixels.shape[1:]):
        raise ConfigurationError(f"patches must be in [1, {min(pixels.shape[1:])}]. Got {patches}.")
    rows, columns = (np.linspace(0, side, patches + 1).astype(int) for side in pixels.shape[1:])
    changed = np.repeat(pixels[None], patches * patches, axis=0)
    for number in range(patches * patches):
        row, column = divmod(number, patches)
        changed[number, :, rows[row] : rows[row + 1], columns[column] : columns[column + 1]] = _PAPER
    losses = _losses(model, one, other, at, changed, weights)
    return losses.reshape(patches, patches)


def losses_of_words(
    model: RecordModel,
    one: RecordInputs,
    other: RecordInputs,
    field: str,
    *,
    weights: Mapping[str, float] | None = None,
) -> list[tuple[str, float]]:
    """Which words of the first record bring it near the second; characters, where a text is one word.

    Args:
        model: the encoder.
        one, other: a record each.
        field: of text, which the first record has.
        weights: of the fields; None takes the learned ones.

    Returns:
        Each word, or character, in order, and the loss of the cosine without it.

    Raises:
        ConfigurationError: the record has no such text.
    """
    at, given = _field(model, one, other, field, kind="text")
    text = str(given.values[0])
    words, between = (text.split(), " ") if len(text.split()) > 1 else (list(text.strip()), "")
    changed = tuple(between.join(words[:n] + words[n + 1 :]) for n in range(len(words)))
    losses = _losses(model, one, other, at, changed, weights)
    return list(zip(words, losses.tolist(), strict=True))


def _losses(
    model: RecordModel,
    one: RecordInputs,
    other: RecordInputs,
    at: int,
    changed: npt.NDArray[np.uint8] | tuple[str, ...],
    weights: Mapping[str, float] | None,
) -> npt.NDArray[np.float32]:
    """Losses with other values in one field of the first record."""
    many = one.take(np.zeros(len(changed), dtype=np.int64))
    there = np.array([bool(value.strip()) for value in changed]) if isinstance(changed, tuple) else None
    field = replace(many.fields[at], values=changed, present=many.fields[at].present if there is None else there)
    records = RecordInputs((*many.fields[:at], field, *many.fields[at + 1 :]))
    with_it = model.encode(one, weights=weights) @ model.encode(other, weights=weights).T
    without = model.encode(records, weights=weights) @ model.encode(other, weights=weights).T
    return np.asarray((with_it - without)[:, 0], dtype=np.float32)


def _without(record: RecordInputs, at: int) -> RecordInputs:
    missing = replace(record.fields[at], present=np.zeros(1, dtype=np.bool_))
    return RecordInputs((*record.fields[:at], missing, *record.fields[at + 1 :]))


def _field(
    model: RecordModel, one: RecordInputs, other: RecordInputs, name: str, *, kind: str
) -> tuple[int, FieldInput]:
    _require_one(one, other)
    for at, field in enumerate(one.fields):
        if field.name == name and field.kind == kind and field.present[0]:
            return at, field
    raise ConfigurationError(
        f"The record has no {kind} named {name!r}. The model reads {', '.join(model.field_names)}."
    )


def _require_one(one: RecordInputs, other: RecordInputs) -> None:
    if len(one) != 1 or len(other) != 1:
        raise ConfigurationError(f"Give one record each. Got {len(one)} and {len(other)}.")
