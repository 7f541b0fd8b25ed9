"""Learn to read before there is anything to read: strings drawn in the fonts of the machine, and what they say.

The authors begin with a network that has seen millions of pictures with their texts. Where crops show what the text says, strings
are enough, new ones in every step, and the user's own hold the letters that matter. Then ``pretrain`` goes on with the real
crops.

Source: the rendered words of Arora, Yang, Jheng & Dell, CLIPPINGS, 2023, arXiv 2304.03464; what is learned from them here is a
project definition (``Reading``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from kinfolk.encoders.record import RecordEncoder, Towers
from kinfolk.encoders.record_inputs import FieldInput, RecordInputs
from kinfolk.errors import ConfigurationError
from kinfolk.methods.batches import BatchLoader, EpochBatches
from kinfolk.methods.clippings.drawn_records import DrawnRecords
from kinfolk.methods.clippings.drawn_strings import DrawnStrings
from kinfolk.methods.clippings.field_contrast import held_out
from kinfolk.methods.clippings.guard import Guard
from kinfolk.methods.clippings.letters import Reading
from kinfolk.methods.clippings.model import RecordModel
from kinfolk.methods.clippings.stage import fingerprint, recipe_of, seeded, specs_of, train_stage
from kinfolk.methods.clippings.tower_recipe import TowerRecipe
from kinfolk.methods.history import EpochEnd
from kinfolk.views import document_scan
from kinfolk.views.fonts import Font, find_fonts

READING = Towers(image="writing")
RECIPE = TowerRecipe(epochs=8, batch_size=32, optimizer="adamw", learning_rate=3e-3, weight_decay=1e-3, clip_norm=1.0)

_EACH, _STRINGS = 5, (2_000, 8_000)  # strings an epoch for each letter, and the bounds of all
_HELD, _HELD_OUT = 512, 1 << 31  # strings by which states are compared; what sets their random numbers apart
_DEGREES = 1.5  # of rotation and lean: the places of letters follow the crop of a view, but not these


def learn_to_read(
    inputs: RecordInputs,
    *,
    output: str | Path,
    fonts: Sequence[Font] | None = None,
    image: str | None = None,
    towers: Towers = READING,
    strings: int | None = None,
    recipe: Mapping[str, object] | None = None,
    seed: int = 0,
    checkpoint_minutes: float | None = 5.0,
    progress: Callable[[EpochEnd], None] | None = None,
) -> RecordModel:
    """Train an encoder on drawn records: a crop of what their texts say, and the texts.

    The weights that do best on 512 other drawn strings, half of them texts of the records, are kept. The same call goes on
    where a killed one stopped.

    Args:
        inputs: the records. Only their texts are looked at, and misread ones are good enough; characters that no font has
            are left out. Strings are drawn as large as their crops, on which long ones are folded.
        output: the folder of the model, and of the state while it trains.
        fonts: to draw in; None takes those of this machine, one face of each family.
        image: the field whose crops show the texts; None takes the only field of images.
        towers: of the encoder, which reads all fields of the records.
        strings: how many are drawn for an epoch, new ones for each; None takes five for each letter, from 2,000 to 8,000.
        recipe: fields of ``TowerRecipe`` that differ from ``RECIPE``.
        seed: of everything random.
        checkpoint_minutes: see ``kinfolk.train``.
        progress: told of each epoch as it ends.

    Raises:
        DataError: the texts have fewer than four characters that a font can draw.
        ConfigurationError: no such field, or an option that is not possible.
        RunError: the folder belongs to another training.
    """
    shown = _image_field(inputs, image)
    assert not isinstance(shown.values, tuple)
    size = shown.values.shape[-1]
    able = one_of_each_family(find_fonts()) if fonts is None else tuple(fonts)
    texts = [field.values for field in inputs.fields if isinstance(field.values, tuple)]
    source = DrawnStrings(list(zip(*texts, strict=True)), able, size=size)
    num = int(np.clip(_EACH * len(source.letters), *_STRINGS)) if strings is None else strings
    chosen = recipe_of(RECIPE, recipe or {})
    with seeded(seed):
        named = {**(towers.image_settings or {}), "letters": len(source.letters)}
        encoder = RecordEncoder(specs_of(inputs), replace(towers, image_settings=named))
        view = replace(document_scan(size)[0], degrees=_DEGREES, skew=_DEGREES)
        module = Reading(encoder, inputs.fields.index(shown), view)
    records = DrawnRecords(source, inputs, shown, module.tower.channels)
    order = EpochBatches(num, chosen.batch_size, seed)
    held = records.drawn(_HELD, np.random.default_rng((seed, _HELD_OUT)))
    return train_stage(
        module,
        encoder,
        BatchLoader(lambda rows: records.batch(len(rows), np.random.default_rng((seed, order.epoch, rows[0]))), order),
        Guard(lambda _: held_out(encoder, held)),
        Path(output),
        stage="read",
        data=fingerprint(inputs),
        start=None,
        settings={
            "image": shown.name,
            "fonts": [str(font.path) + f" {font.face}" for font in able],
            "size": size,
            "strings": num,
        },
        recipe=chosen,
        seed=seed,
        checkpoint_minutes=checkpoint_minutes,
        progress=progress,
        facts={"letters": len(source.letters)},
    )


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
