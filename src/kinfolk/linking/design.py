"""Comparisons on one scale, as a linear model sees them, without a copy of the whole table.

Every comparison is standardized, a missing one counts 0, and each pattern of missing columns has an indicator. Half a
million records have tens of millions of pairs: sums run over the comparisons as they are, and only the rows a model is
fitted to are laid out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinfolk.linking.compare import Comparisons
from kinfolk.linking.kernels import weigh_columns


@dataclass(frozen=True)
class Design:
    """Standardized comparisons and missing indicators.

    Attributes:
        values: float32 (pairs, columns) as compared; NaN where a side is missing.
        owners: the field, or part of the record, of each column.
        known: columns that have a value anywhere.
        indicators: columns whose missingness is a column of the design: the first of each pattern.
        mean, deviation: of each column, over the pairs where it is known.
    """

    values: np.ndarray
    owners: tuple[str, ...]
    known: np.ndarray
    indicators: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @property
    def width(self) -> int:
        """Number of weights: the known columns, then the indicators."""
        return len(self.known) + len(self.indicators)

    def weights_of(self, columns: list[int]) -> np.ndarray:
        """Weights whose score is the mean of some standardized columns."""
        weights = np.zeros(self.width)
        weights[: len(self.known)] = np.isin(self.known, columns) / max(1, len(columns))
        return weights

    def rows(self, pairs: np.ndarray) -> np.ndarray:
        """The design of some pairs, float64 (len(pairs), width)."""
        values = self.values[pairs].astype(np.float64)
        missing = np.isnan(values)
        standardized = np.where(missing, 0.0, (values - self.mean) / self.deviation)
        return np.hstack([standardized[:, self.known], missing[:, self.indicators]])

    def score(self, weights: np.ndarray) -> np.ndarray:
        """Weighted sum for every pair, float64 (pairs,)."""
        return self._sums(weights, np.zeros(len(self.owners), np.int64), 1)[:, 0]

    def by_owner(self, weights: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
        """Weighted sums for every pair, one for each owner: their labels, and float32 (pairs, labels)."""
        labels = tuple(dict.fromkeys(self.owners[c] for c in self.known))
        place = np.array([labels.index(o) if o in labels else -1 for o in self.owners], dtype=np.int64)
        return labels, self._sums(weights, place, len(labels)).astype(np.float32)

    def _sums(self, weights: np.ndarray, place: np.ndarray, num_places: int) -> np.ndarray:
        slope, if_missing = np.zeros((2, len(self.owners)))
        slope[self.known] = weights[: len(self.known)] / self.deviation[self.known]
        if_missing[self.indicators] = weights[len(self.known) :]
        return np.asarray(weigh_columns(self.values, self.mean, slope, if_missing, place, num_places))


def standardize(comparisons: Comparisons) -> Design:
    """Find the scale of each comparison and the patterns of missing values."""
    values = comparisons.values
    width = values.shape[1]
    mean, deviation = np.zeros(width), np.ones(width)
    known, indicators = [], []
    patterns: set[bytes] = set()
    for column in range(width):
        missing = np.isnan(values[:, column])
        if missing.all():
            continue
        known.append(column)
        there = values[~missing, column].astype(np.float64)
        mean[column], deviation[column] = there.mean(), there.std() + 1e-9
        pattern = np.packbits(missing).tobytes()
        if missing.any() and pattern not in patterns:
            patterns.add(pattern)
            indicators.append(column)
    return Design(
        values, comparisons.labels, np.array(known, dtype=int), np.array(indicators, dtype=int), mean, deviation
    )
