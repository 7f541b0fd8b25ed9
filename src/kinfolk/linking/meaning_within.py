"""What a text encoder sees in the fields of one table: one similarity more of each field of text.

The weights of a field's similarities are averaged, for they are views of the same thing (``match_within``). So is the
cosine: as a comparison of its own, beside fields that say the same in letters, it would count their evidence twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinfolk.data import Records
from kinfolk.encoders import record_texts
from kinfolk.linking.agreement import FieldMeasure, Measure
from kinfolk.linking.meaning import Encoder, Vectors, encode_texts

_SAMPLE = 20_000  # pairs of different values from which the usual cosine is measured


@dataclass(frozen=True)
class MeaningMeasure:
    """A field of text, compared in letters and in meaning.

    Meaning is the cosine on a scale from 0, the cosine that different values have on average, to 1: some encoders put
    everything between .7 and 1, others use the whole range.

    Attributes:
        letters: the field as n-grams and words see it.
        vectors: of its values, float32 (records, dim).
        usual: mean cosine of different values.
    """

    letters: FieldMeasure
    vectors: np.ndarray
    usual: float

    @property
    def label(self) -> str:
        """The name people see."""
        return self.letters.label

    @property
    def filled(self) -> np.ndarray:
        """Which records have the field, bool (records,)."""
        return self.letters.filled

    @property
    def value_of(self) -> np.ndarray:
        """Number of the value of each record, int64 (records,)."""
        return self.letters.value_of

    @property
    def is_number(self) -> bool:
        """A field of text is none."""
        return False

    def similarities(self, left: np.ndarray, right: np.ndarray) -> list[np.ndarray]:
        """Those in letters, then that in meaning: float32 (pairs,) each, NaN where a side is missing."""
        near = rescaled(Vectors(self.vectors, self.vectors).cosines(left, right), self.usual)
        return [*self.letters.similarities(left, right), near]

    def levels(self, similarities: np.ndarray) -> np.ndarray:
        """Level of each similarity, 0 to 8, or ``MISSING``; int8 (pairs,)."""
        return self.letters.levels(similarities)


def with_meaning(
    measures: Sequence[FieldMeasure],
    records: Records,
    encoder: Encoder,
    folder: Path | None,
    advance: Callable[[float], None],
) -> list[Measure]:
    """The measures, those of text with their meaning.

    Args:
        measures: of the fields of the table.
        records: the table.
        encoder: the encoder.
        folder: the run folder, which keeps the vectors of a ``TextEncoder``; None keeps none.
        advance: told the share that is done.
    """
    names = [measure.field.pair.left for measure in measures if measure.field.pair.role == "text"]
    columns = [text for name in names for text in record_texts(records, (name,))]
    parts = np.split(encode_texts(encoder, columns, folder, advance), max(1, len(names)))
    vectors = dict(zip(names, parts, strict=False))
    return [
        MeaningMeasure(measure, vectors[name], usual_cosine(measure.value_of, measure.filled, vectors[name]))
        if (name := measure.field.pair.left) in vectors
        else measure
        for measure in measures
    ]


def rescaled(cosines: np.ndarray, usual: float) -> np.ndarray:
    """Cosines on a scale from 0, what different values have on average, to 1: float32, NaN where they are."""
    return np.asarray(np.clip((cosines - usual) / (1 - usual), 0, 1).astype(np.float32))


def usual_cosine(value_of: np.ndarray, filled: np.ndarray, vectors: np.ndarray) -> float:
    """Mean cosine of different values, in [0, .99]; 0 where there are no two.

    Args:
        value_of: number of the value of each record, int64 (records,).
        filled: which records have one, bool (records,).
        vectors: of the values, float32 (records, dim).
    """
    first = np.unique(value_of, return_index=True)[1]
    first = first[filled[first]]
    left, right = first[np.random.default_rng(0).integers(0, len(first), (2, _SAMPLE))]
    cosines = Vectors(vectors, vectors).cosines(left[left != right], right[left != right])
    cosines = cosines[np.isfinite(cosines)]
    return float(np.clip(cosines.mean(), 0, 0.99)) if len(cosines) else 0.0
