"""The vectors and attributes that a kind is built of, and the exact ranking of what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import DataError
from kinfolk.search.attributes import Attributes
from kinfolk.search.kernels.exact import exact_scan
from kinfolk.search.kernels.subsets import pack, read_only, subset_of_ids
from kinfolk.search.metric import Floats, Metric, known_metric, lengths_of, stored_form

_NONE_DEAD: npt.NDArray[np.uint64] = read_only(np.empty(0, dtype=np.uint64))
_UNEQUAL = 1e-5  # relative; lengths that differ by less are those of unit vectors, rounded


@dataclass(frozen=True, eq=False)
class Collection:
    """Vectors with attributes.

    Graphs are built for distances, so there is a second form of the vectors in which near always is a short Euclidean distance. For
    an inner product a coordinate ``sqrt(longest**2 - |x|**2)`` is put behind every row, and 0 behind the query: the squared distance
    then is minus twice the inner product, plus what is the same for all rows of a query (Bachrach et al. 2014, "Speeding up the Xbox
    recommender system using a Euclidean transformation for inner-product spaces", RecSys). So for cosine, where a row is zero.

    Attributes:
        metric: ``cosine``, ``ip`` or ``l2``.
        vectors: as they are scored, float32 (num, dim).
        points: as they are walked, float32 (num, dim or dim + 1).
        attributes: of the rows.
    """

    metric: Metric
    vectors: Floats
    points: Floats
    attributes: Attributes

    @classmethod
    def of(cls, vectors: npt.ArrayLike, attributes: pa.Table, metric: Metric) -> Self:
        """Check both and put them together.

        Raises:
            DataError: vectors or attributes that cannot be used, another number of each, or none.
            ConfigurationError: an unknown metric.
        """
        known = known_metric(metric)
        table = stored_form(vectors, name="vectors", metric=known)
        if len(table) != len(attributes) or not len(table):
            raise DataError(
                f"Each vector needs one row of attributes, and there must be one. Got {len(table)} vectors and "
                f"{len(attributes)} rows of attributes."
            )
        return cls(known, table, table if known == "l2" else _of_one_length(table), Attributes.build(attributes))

    @property
    def num(self) -> int:
        """How many rows there are."""
        return len(self.vectors)

    def queries(self, values: npt.ArrayLike) -> Floats:
        """Queries as they are scored, float32 (queries, dim).

        Raises:
            DataError: another width, or numbers that are not finite.
        """
        return stored_form(values, name="queries", metric=self.metric, dim=self.vectors.shape[1])

    def as_points(self, queries: Floats) -> Floats:
        """Queries as ``points`` are, float32 (queries, width)."""
        missing = self.points.shape[1] - queries.shape[1]
        return read_only(np.pad(queries, ((0, 0), (0, missing)))) if missing else queries

    def ranked(
        self, queries: Floats, candidates: npt.NDArray[np.int64], k: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """The k best of the candidates of each query, by exact scores.

        Args:
            queries: as ``queries`` gave them.
            candidates: int64 (queries, any), each row once in a line, -1 for none.
            k: how many.
        """
        rows, scores = np.full((len(queries), k), -1, dtype=np.int64), np.full((len(queries), k), -np.inf)
        subsets = pack([subset_of_ids(line[line >= 0]) for line in candidates])
        exact_scan(
            0, len(queries), queries, subsets, self.vectors.reshape(-1), _NONE_DEAD, self.metric == "l2", rows, scores
        )
        return rows, scores


def _of_one_length(table: Floats) -> Floats:
    lengths = lengths_of(table)
    longest = float(lengths.max())
    if lengths.min() >= longest * (1 - _UNEQUAL):
        return table
    rest = np.sqrt(np.maximum(longest**2 - lengths**2, 0)).astype(np.float32)
    return read_only(np.ascontiguousarray(np.column_stack([table, rest])))
