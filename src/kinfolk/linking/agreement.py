"""How far two records of one table agree in a field, in levels, and how often records agree by chance.

A similarity says little by itself: that two titles share a third of their n-grams may be common or rare. So every
similarity is cut into nine levels, and each level is compared with chance. Chance is measured between *distinct values*:
between records it would count the duplicates themselves, which are what is sought.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kinfolk.data import Records
from kinfolk.linking.compare import SHORT_TEXT, Field, edit_similarity, relative_closeness, shared_information
from kinfolk.linking.spaces import Space, information_space

TEXT_EDGES = np.array([0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97])
_NUMBER_EDGES = np.array([0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 0.9999])
NUM_LEVELS = 9
MISSING = -1
NEAR = 0.8  # similarity from which a value counts as found again in another record
_SAMPLE = 200_000  # pairs of values from which chance is measured


class Measure(Protocol):
    """What pairs of records of one table are compared in: a field, in letters alone or in meaning as well."""

    @property
    def label(self) -> str:
        """The name people see."""
        ...

    @property
    def filled(self) -> np.ndarray:
        """Which records can be compared, bool (records,)."""
        ...

    @property
    def value_of(self) -> np.ndarray:
        """Number of the value of each record, int64 (records,)."""
        ...

    @property
    def is_number(self) -> bool:
        """Numbers have no distinct values: 10.1 and 10.2 are two values, but not two things."""
        ...

    def similarities(self, left: np.ndarray, right: np.ndarray) -> list[np.ndarray]:
        """Similarities in [0, 1] of pairs of rows, float32 (pairs,) each; NaN where a side is missing."""
        ...

    def levels(self, similarities: np.ndarray) -> np.ndarray:
        """Level of each similarity, 0 to 8, or ``MISSING``; int8 (pairs,)."""
        ...


@dataclass(frozen=True)
class FieldMeasure:
    """One field, ready to be compared in one or more ways.

    Attributes:
        field: the field, compared with itself.
        filled: bool (records,).
        value_of: number of the value of each record, int64 (records,).
        numbers: float64 (records,) for a number, else None.
        information: words by information, for text long enough to have some, else None.
        by_edits: whether the edit distance of whole values says something.
    """

    field: Field
    filled: np.ndarray
    value_of: np.ndarray
    numbers: np.ndarray | None
    information: Space | None
    by_edits: bool

    @property
    def label(self) -> str:
        """The name people see."""
        return self.field.pair.label

    @property
    def is_number(self) -> bool:
        """Whether it is compared as a number."""
        return self.numbers is not None

    def similarities(self, left: np.ndarray, right: np.ndarray) -> list[np.ndarray]:
        """Similarities in [0, 1] of pairs of rows, float32 (pairs,) each; NaN where a side is missing."""
        if self.numbers is not None:
            columns = [relative_closeness(self.numbers[left], self.numbers[right])]
        else:
            columns = [self.field.space.similarity(left, right)]
            if self.by_edits:
                columns.append(edit_similarity(self.field, left, right))
            if self.information is not None:
                _, containment, jaccard = shared_information(self.information, left, right)
                # A short form of the same name is contained in it; the geometric mean keeps that from deciding alone.
                columns.append(0.5 * containment + 0.5 * np.sqrt(np.clip(containment * jaccard, 0, 1)))
        there = self.filled[left] & self.filled[right]
        return [np.where(there, np.clip(c, 0, 1), np.nan).astype(np.float32) for c in columns]

    def levels(self, similarities: np.ndarray) -> np.ndarray:
        """Level of each similarity, 0 to 8, or ``MISSING``; int8 (pairs,)."""
        return levels_of(similarities, _NUMBER_EDGES if self.is_number else TEXT_EDGES)


def levels_of(similarities: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Level of each similarity between ascending edges, or ``MISSING`` for NaN; int8 (pairs,)."""
    levels = np.digitize(np.nan_to_num(similarities), edges)
    return np.where(np.isnan(similarities), MISSING, levels).astype(np.int8)


def measures_of(records: Records, fields: Sequence[Field]) -> tuple[FieldMeasure, ...]:
    """Prepare every field that at least two records have."""
    measures = []
    for field in fields:
        filled = np.fromiter((text != "" for text in field.left), dtype=bool, count=len(records))
        numbers = records.numbers(field.pair.left) if field.pair.role == "number" else None
        if numbers is not None:
            filled = np.isfinite(numbers) & (numbers != 0)  # 0 is how tables write unknown
        if filled.sum() < 2:
            continue
        length = np.mean([len(text) for text in field.left if text])
        worded = field.pair.role == "text" and length >= 6
        value_of = np.unique(np.array(field.left, dtype=object).astype(str), return_inverse=True)[1]
        information = information_space(field.left, field.left) if worded else None
        measures.append(FieldMeasure(field, filled, value_of, numbers, information, bool(length <= SHORT_TEXT)))
    return tuple(measures)


def chance_of_levels(measure: Measure, seed: int = 0) -> list[np.ndarray]:
    """How often two things that are not the same agree at each level: (9,) summing to 1, one for each similarity.

    Two records of different things also hold the same value now and then: as often as if all values were equally common.
    """
    draw = np.random.default_rng(seed)
    first = np.unique(measure.value_of, return_index=True)[1]
    first = first[measure.filled[first]]
    pool = np.flatnonzero(measure.filled) if measure.is_number else first
    left, right = pool[draw.integers(0, len(pool), (2, _SAMPLE))]
    apart = left != right
    if not apart.any():  # one value in the whole table tells nobody from anybody
        certain = np.full(NUM_LEVELS, 1e-6)
        certain[-1] = 1 - certain[:-1].sum()
        return [certain for _ in measure.similarities(left[:1], right[:1])]
    chances = []
    for similarities in measure.similarities(left[apart], right[apart]):
        counts = np.bincount(measure.levels(similarities), minlength=NUM_LEVELS).astype(float)
        chance = (counts + (0.5 if measure.is_number else 1e-6 * apart.sum())) / apart.sum()
        chance /= chance.sum()
        if not measure.is_number:
            chance *= 1 - 1 / len(first)
            chance[-1] += 1 / len(first)
        chances.append(chance)
    return chances


def coverage(measure: Measure, similarities: Sequence[np.ndarray], left: np.ndarray, right: np.ndarray) -> float:
    """Share of the records that have the field whose value is found again, nearly, in some candidate."""
    mean = np.nan_to_num(np.mean(similarities, axis=0))
    best = np.zeros(len(measure.filled))
    np.maximum.at(best, left, mean)
    np.maximum.at(best, right, mean)
    return float((best[measure.filled] >= NEAR).mean())
