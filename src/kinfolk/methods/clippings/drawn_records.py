"""Drawn strings as records of which an encoder learns to read, and strings that are only imagined beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kinfolk.encoders.record_inputs import FieldInput, RecordInputs, image_field, text_field
from kinfolk.methods.clippings.drawn_strings import DrawnString, DrawnStrings
from kinfolk.methods.clippings.letters import LetteredBatch
from kinfolk.views.text_noise import misread

_IMAGINED = 3  # strings for each that is drawn
_NOISE = 0.1  # share of the characters of texts that are misread


@dataclass(frozen=True, eq=False)
class DrawnRecords:
    """Records that look like others: their crops and texts are those of strings, all other fields are missing.

    Attributes:
        source: of the strings.
        like: the others.
        shown: their field of crops.
        channels: of the crops.
    """

    source: DrawnStrings
    like: RecordInputs
    shown: FieldInput
    channels: int

    def drawn(self, num: int, rng: np.random.Generator) -> RecordInputs:
        """Records of strings that are drawn, with what these say."""
        strings = [self.source.draw(rng) for _ in range(num)]
        return self._records([string.texts for string in strings], self._crops(strings))

    def batch(self, num: int, rng: np.random.Generator) -> LetteredBatch:
        """Strings of one step, their texts misread here and there."""
        strings = [self.source.draw(rng) for _ in range(num)]
        imagined = [self.source.imagine(rng) for _ in range(_IMAGINED * num)]
        texts = [*(string.texts for string in strings), *(said for said, _ in imagined)]
        alphabet = "".join(self.source.letters)
        read = [misread(field, _NOISE, alphabet=alphabet, rng=rng) for field in zip(*texts, strict=True)]
        nowhere = np.zeros((len(texts), 1, 1, 1), np.uint8)
        return LetteredBatch(
            self._crops(strings),
            self._records(list(zip(*read, strict=True)), nowhere),
            np.stack([seen for _, seen in imagined]),
            np.repeat(np.arange(num), [len(string.letters) for string in strings]),
            np.concatenate([string.letters for string in strings]),
            np.concatenate([string.lettering.places / self.source.size for string in strings]).astype(np.float32),
            np.array([string.lettering.em / self.source.size for string in strings], dtype=np.float32),
        )

    def _crops(self, strings: Sequence[DrawnString]) -> npt.NDArray[np.uint8]:
        return np.stack([string.lettering.pixels for string in strings]).repeat(self.channels, axis=1)

    def _records(self, texts: Sequence[tuple[str, ...]], crops: npt.NDArray[np.uint8]) -> RecordInputs:
        by_field = iter(zip(*texts, strict=True))
        fields: list[FieldInput] = []
        for field in self.like.fields:
            if field is self.shown:
                fields.append(image_field(field.name, crops))
            elif field.kind == "text":
                fields.append(text_field(field.name, next(by_field)))
            else:
                fields.append(_absent(field, len(texts)))
        return RecordInputs(tuple(fields))


def _absent(field: FieldInput, num: int) -> FieldInput:
    """The field, missing from every record."""
    assert not isinstance(field.values, tuple)
    values = np.zeros((num, *field.values.shape[1:]), field.values.dtype)
    return replace(field, values=values, present=np.zeros(num, np.bool_))
