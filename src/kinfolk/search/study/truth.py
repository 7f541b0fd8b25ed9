"""The true neighbors of queries under filters, and how many of them an answer has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import DataError
from kinfolk.search.attributes import Attributes
from kinfolk.search.bitmaps import Bitmap
from kinfolk.search.index import Index
from kinfolk.search.kernels.subsets import has_bits
from kinfolk.search.study.terms import Terms, expression_of
from kinfolk.search.study.vecs import Lists, Vectors

_EQUAL = 1e-5  # of unit vectors: cosines that differ by less, of float32 sums in whatever order, are equal

Rows = npt.NDArray[np.int64]


class Truth:
    """Finds true neighbors by an exact search, and judges answers.

    Args:
        vectors: (rows, dim), of length 1.
        attributes: a row for each.
    """

    def __init__(self, vectors: Vectors, attributes: pa.Table) -> None:
        self.vectors = vectors
        self.attributes = Attributes.of_rows(attributes, len(vectors))
        self._index = Index.build(vectors, attributes, graph=False, threads=1)
        self._bitmaps: dict[Terms, tuple[Bitmap, int]] = {}

    def nearest(self, queries: Vectors, terms: Sequence[Terms], k: int) -> Lists:
        """The k rows nearest to each query among those that pass its terms, exactly; of equal ones the lower row."""
        where = [expression_of(each) for each in terms]
        found = self._index.search(queries, k, where=where, exact=True, threads=1).ids
        return [np.array([row for row in each if row is not None], dtype=np.int64) for each in found]

    def passing(self, terms: Terms) -> tuple[Bitmap | None, int]:
        """A bitmap of the rows that pass, None for all, and how many they are."""
        expression = expression_of(terms)
        if expression is None:
            return None, len(self.vectors)
        if terms not in self._bitmaps:
            found = self.attributes.select(expression)
            self._bitmaps[terms] = found.as_bitmap(), found.size
        return self._bitmaps[terms]

    def recall(self, queries: Vectors, terms: Sequence[Terms], truth: Lists, answers: Rows, k: int) -> float:
        """The share of the k nearest that was found, on average over the queries.

        A row counts that passes the filter and is as near as the k-th nearest: of rows at one distance any will do. A query that no row
        passes has found all.

        Args:
            queries: (queries, dim).
            terms, truth: of each query.
            answers: rows found, int64 (queries, k), -1 where there is none.
            k: how many were asked for.

        Raises:
            DataError: a row that is not there.
        """
        if answers.size and not -1 <= answers.min() <= answers.max() < len(self.vectors):
            raise DataError(
                f"An engine must answer with rows from 0 to {len(self.vectors) - 1}, or -1 for none. "
                f"Got {answers.min()} to {answers.max()}."
            )
        shares = []
        for query, asked, true, found in zip(queries, terms, truth, answers, strict=True):
            if not len(true):
                shares.append(1.0)
                continue
            rows = np.unique(found[found >= 0])
            bitmap, _ = self.passing(asked)
            if bitmap is not None:
                rows = rows[has_bits(bitmap, rows)]
            wanted = min(k, len(true))
            last = float(self.vectors[true[wanted - 1]].astype(np.float64) @ query.astype(np.float64))
            scores = self.vectors[rows].astype(np.float64) @ query.astype(np.float64)
            shares.append(min(int((scores >= last - _EQUAL).sum()), wanted) / wanted)
        return float(np.mean(shares))

    def lift(self, terms: Sequence[Terms], nearest: Lists) -> list[float]:
        """For each query, the share of its unfiltered neighbors that pass over the share of all rows that do; none where no row passes."""
        lifts = []
        for asked, near in zip(terms, nearest, strict=True):
            bitmap, size = self.passing(asked)
            if size and len(near):
                among = 1.0 if bitmap is None else float(has_bits(bitmap, near).mean())
                lifts.append(among * len(self.vectors) / size)
        return lifts
