"""Learn to read before there is anything to read: strings drawn in the fonts of the machine, and what they say.

The authors begin with a network that has seen millions of pictures with their texts. Where crops show what the text says, strings
are enough, and the user's own hold the letters that matter: half of what is drawn are the texts themselves, half their letters
strung together at random, so that letters are learned and not words. Then ``pretrain`` goes on with the real crops.

Source: the rendered words of Arora, Yang, Jheng & Dell, CLIPPINGS, 2023, arXiv 2304.03464; to learn from them by the contrast
of crop and text is a project definition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kinfolk.encoders.record import Towers
from kinfolk.encoders.record_inputs import FieldInput, RecordInputs, image_field, text_field
from kinfolk.errors import ConfigurationError, DataError
from kinfolk.methods.clippings.model import RecordModel
from kinfolk.methods.clippings.pretrain import pretrain
from kinfolk.methods.clippings.stage import specs_of
from kinfolk.methods.history import EpochEnd
from kinfolk.views.fonts import Font, find_fonts
from kinfolk.views.glyphs import GlyphSheet
from kinfolk.views.text_noise import alphabet_of

READING = Towers(image="writing")
RECIPE: Mapping[str, object] = {"epochs": 8, "batch_size": 128, "learning_rate": 2e-3}

_VERTICAL = 0.5  # share of the strings that are set in columns
_LONGEST = 24  # characters of a drawn string; more in one square can no longer be read
_LEAST = 4  # letters


def learn_to_read(
    inputs: RecordInputs,
    *,
    output: str | Path,
    fonts: Sequence[Font] | None = None,
    image: str | None = None,
    towers: Towers = READING,
    size: int = 64,
    strings: int = 16_000,
    recipe: Mapping[str, object] | None = None,
    seed: int = 0,
    checkpoint_minutes: float | None = 5.0,
    progress: Callable[[EpochEnd], None] | None = None,
) -> RecordModel:
    """Train an encoder on drawn records: a crop of what their texts say, and the texts.

    The same call goes on where a killed one stopped.

    Args:
        inputs: the records. Only their texts are looked at, and misread ones are good enough; characters that no font has
            are left out.
        output: the folder of the model, and of the state while it trains.
        fonts: to draw in; None takes those of this machine, one face of each family.
        image: the field whose crops show the texts; None takes the only field of images.
        towers: of the encoder, which reads all fields of the records.
        size: height and width of the crops, on which long strings are folded.
        strings: how many are drawn, half of them in columns.
        recipe: fields of ``Recipe`` that differ from ``RECIPE``.
        seed: of everything random.
        checkpoint_minutes: see ``kinfolk.train``.
        progress: told of each epoch as it ends.

    Raises:
        DataError: the texts have fewer than four characters that a font can draw.
        ConfigurationError: no such field, or an option that is not possible.
        RunError: the folder belongs to another training.
    """
    shown = _image_field(inputs, image)
    able = one_of_each_family(find_fonts()) if fonts is None else tuple(fonts)
    texts = [field.values for field in inputs.fields if isinstance(field.values, tuple)]
    rng = np.random.default_rng(seed)
    drawn = strings_like(list(zip(*texts, strict=True)), strings, able, rng)
    sheet = GlyphSheet(able, map(_in_one, drawn))
    drawn = [string for string in drawn if sheet.able(_in_one(string))]
    pixels = np.empty((len(drawn), 1, size, size), np.uint8)
    for row, string in enumerate(drawn):
        text, vertical = _in_one(string), bool(rng.random() < _VERTICAL)
        pixels[row] = sheet.draw(text, int(rng.choice(sheet.able(text))), vertical=vertical, size=size).pixels
    by_field = iter(zip(*drawn, strict=True))
    fields: list[FieldInput] = []
    for field in inputs.fields:
        if field is shown:
            fields.append(image_field(field.name, pixels.repeat(_channels(towers), axis=1)))
        elif field.kind == "text":
            fields.append(text_field(field.name, next(by_field)))
        else:
            fields.append(_absent(field, len(drawn)))
    return pretrain(
        RecordInputs(tuple(fields)),
        output=output,
        towers=towers,
        specs=specs_of(inputs),
        text_noise=0.0,
        recipe={**RECIPE, **(recipe or {})},
        seed=seed,
        checkpoint_minutes=checkpoint_minutes,
        progress=progress,
    )


def strings_like(
    records: Sequence[tuple[str, ...]], num: int, fonts: Sequence[Font], rng: np.random.Generator
) -> list[tuple[str, ...]]:
    """Texts of records and, as many, letters of theirs at random in place of one text, each of which one font can draw.

    Args:
        records: the texts of each; at most ``_LONGEST`` characters of them are taken.
        num: strings wanted; fewer are given only where hardly any can be drawn.
        fonts: to draw in.
        rng: where random numbers come from.

    Returns:
        As many texts for each string as the records have.

    Raises:
        DataError: fewer than four different characters can be drawn.
    """
    letters = {c for c in alphabet_of([t for texts in records for t in texts]) if any(font.covers(c) for font in fonts)}
    if len(letters) < _LEAST:
        raise DataError(
            f"Learning to read needs {_LEAST} different characters that a font of this machine can draw. Got {len(letters)}. "
            "Install fonts of the script, or give some (fonts)."
        )
    kept = [cut for texts in records if any(cut := _drawable(texts, letters))]
    every = [c for texts in kept for text in texts for c in text if c != " "]  # as frequent as they are
    found: list[tuple[str, ...]] = []
    for _ in range(4 * num):
        if len(found) == num:
            break
        texts = kept[rng.integers(len(kept))]
        if len(found) % 2:  # in one of the texts, since letters at random in two have nothing to do with each other
            one = rng.choice(np.flatnonzero(texts))
            string = "".join(every[at] for at in rng.integers(len(every), size=len(texts[one])))
            texts = tuple(string if at == one else "" for at in range(len(texts)))
        if any(font.covers("".join(texts)) for font in fonts):
            found.append(texts)
    return found


def _in_one(texts: Sequence[str]) -> str:
    """All texts of a string, as a crop shows them."""
    return " ".join(filter(None, texts))


def _drawable(texts: tuple[str, ...], letters: set[str]) -> tuple[str, ...]:
    """What can be drawn of the texts of a record: up to the longest string there is, of which each has the same share."""
    known = ["".join(c for c in text if c in letters or c == " ").strip() for text in texts]
    room = _LONGEST // max(1, sum(bool(text) for text in known))
    return tuple(text[:room].strip() for text in known)


def _image_field(inputs: RecordInputs, name: str | None) -> FieldInput:
    """The field of images that is meant.

    Raises:
        ConfigurationError: there is none, or several; or there is no text.
    """
    images = [field for field in inputs.fields if field.kind == "image"]
    meant = images if name is None else [field for field in images if field.name == name]
    if len(meant) != 1 or all(field.kind != "text" for field in inputs.fields):
        raise ConfigurationError(
            "Learning to read needs a field of text and one of images; where there are several, image names the one that "
            f"shows the text. Got {', '.join(f'{field.name} ({field.kind})' for field in inputs.fields)}"
            f"{'' if name is None else f', and image {name!r}'}."
        )
    return meant[0]


def _absent(field: FieldInput, num: int) -> FieldInput:
    """The field, missing from every drawn record."""
    assert not isinstance(field.values, tuple)
    values = np.zeros((num, *field.values.shape[1:]), field.values.dtype)
    return replace(field, values=values, present=np.zeros(num, np.bool_))


def one_of_each_family(fonts: Sequence[Font]) -> tuple[Font, ...]:
    """Of each family the first regular face, else the first: a family of many weights shall not count more than another."""
    chosen: dict[str, Font] = {}
    for font in fonts:
        known = chosen.get(font.family)
        if known is None or (_is_regular(font) and not _is_regular(known)):
            chosen[font.family] = font
    return tuple(chosen.values())


def _is_regular(font: Font) -> bool:
    return font.style.casefold() in ("regular", "book", "roman", "medium")


def _channels(towers: Towers) -> int:
    """Of the crops that the towers take."""
    return int((towers.image_settings or {}).get("channels", 3))
