"""What images say within one table whose things appear many times: one more measure for each column of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinfolk.linking.agreement import TEXT_EDGES, levels_of
from kinfolk.linking.meaning import Vectors
from kinfolk.linking.meaning_within import rescaled, usual_cosine
from kinfolk.linking.pictures import Pictures


@dataclass(frozen=True)
class PictureMeasure:
    """A column of images, compared by look, on a scale from 0, as different images look on average, to 1.

    Attributes:
        label: the name people see.
        vectors: float32 (records, dim), zeros where there is nothing to see.
        filled: which records have an image, bool (records,).
        value_of: number of the image of each record, int64 (records,).
        usual: mean cosine of different images.
    """

    label: str
    vectors: np.ndarray
    filled: np.ndarray
    value_of: np.ndarray
    usual: float

    @property
    def is_number(self) -> bool:
        """A column of images is none."""
        return False

    def similarities(self, left: np.ndarray, right: np.ndarray) -> list[np.ndarray]:
        """How alike pairs of rows look, in [0, 1]: float32 (pairs,), NaN where a side is missing."""
        return [rescaled(Vectors(self.vectors, self.vectors).cosines(left, right), self.usual)]

    def levels(self, similarities: np.ndarray) -> np.ndarray:
        """Level of each similarity, 0 to 8, or ``MISSING``; int8 (pairs,)."""
        return levels_of(similarities, TEXT_EDGES)


def picture_measures(pictures: Pictures) -> tuple[PictureMeasure, ...]:
    """The columns of images that at least two records have."""
    measures = []
    for field in pictures.fields:
        value_of = np.unique(np.array(field.left.values, dtype=np.str_), return_inverse=True)[1]
        filled = np.array([value != "" for value in field.left.values], dtype=bool)
        if filled.sum() >= 2:
            usual = usual_cosine(value_of, filled, field.left.vectors)
            measures.append(PictureMeasure(field.pair.label, field.left.vectors, filled, value_of, usual))
    return tuple(measures)
