"""What a text encoder sees within one table, as a measure of agreement beside those of the fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinfolk.linking.agreement import TEXT_EDGES, level_of
from kinfolk.linking.compare import MEANING
from kinfolk.linking.meaning import Vectors

_SAMPLE = 20_000  # pairs of different values from which the usual cosine is measured


@dataclass(frozen=True)
class MeaningMeasure:
    """How near records are in meaning.

    The similarity is the cosine on a scale from 0, the cosine that different values have on average, to 1: some encoders
    put everything between .7 and 1, others use the whole range.

    Attributes:
        vectors: of the whole records, or of one field of theirs.
        filled: which records say something, bool (records,).
        value_of: number of the value of each record, int64 (records,).
        usual: mean cosine of different values.
    """

    vectors: np.ndarray
    filled: np.ndarray
    value_of: np.ndarray
    usual: float

    @property
    def label(self) -> str:
        """The name people see."""
        return MEANING

    @property
    def is_number(self) -> bool:
        """Meaning has distinct values."""
        return False

    def similarities(self, left: np.ndarray, right: np.ndarray) -> list[np.ndarray]:
        """Similarities in [0, 1] of pairs of rows, float32 (pairs,); NaN where a side says nothing."""
        cosines = Vectors(self.vectors, self.vectors).cosines(left, right)
        return [np.clip((cosines - self.usual) / (1 - self.usual), 0, 1).astype(np.float32)]

    def levels(self, similarities: np.ndarray) -> np.ndarray:
        """Level of each similarity, 0 to 8, or ``MISSING``; int8 (pairs,)."""
        return level_of(similarities, TEXT_EDGES)


def measure_meaning(vectors: np.ndarray, texts: Sequence[str]) -> MeaningMeasure | None:
    """Prepare to compare records by meaning.

    Args:
        vectors: of the records, float32 (records, dim), zeros for nothing.
        texts: what was encoded, one normalized text a record: equal texts are one value.

    Returns:
        The measure; None where fewer than two records say something.
    """
    filled = np.abs(vectors).sum(axis=1) > 0
    if filled.sum() < 2:
        return None
    value_of = np.unique(np.array(texts, dtype=object).astype(str), return_inverse=True)[1]
    first = np.unique(value_of, return_index=True)[1]
    first = first[filled[first]]
    draw = np.random.default_rng(0)
    left, right = first[draw.integers(0, len(first), (2, _SAMPLE))]
    cosines = Vectors(vectors, vectors).cosines(left[left != right], right[left != right])
    usual = float(np.clip(cosines.mean(), 0, 0.99)) if len(cosines) else 0.0
    return MeaningMeasure(vectors, filled, value_of, usual)
