"""What every kind can do: be built, say what it serves, and search with one parameter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kinfolk.errors import ConfigurationError
from kinfolk.search.filters.check import check
from kinfolk.search.filters.expression import Expression
from kinfolk.search.filters.from_sql import from_sql
from kinfolk.search.kinds.collection import Collection
from kinfolk.search.metric import Floats, Metric
from kinfolk.search.passing import Passing

Rows: TypeAlias = npt.NDArray[np.int64]
Scores: TypeAlias = npt.NDArray[np.float64]


class Kind(ABC):
    """An index for vectors with attributes that is searched under filters, built once and not changed.

    A kind has ``build``, with parameters of its own by keyword, ``serves`` and ``candidates``. Everything that all share is
    here: filters are checked, and candidates are ranked by exact scores.
    """

    name: ClassVar[str]

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    @classmethod
    @abstractmethod
    def build(
        cls,
        vectors: npt.ArrayLike,
        attributes: pa.Table,
        *,
        column: str | None = None,
        metric: Metric = "cosine",
        seed: int = 0,
    ) -> Self:
        """Build the index; each kind has more parameters, with defaults.

        Args:
            vectors: (num, dim), finite, at least one.
            attributes: num rows; columns as ``Attributes`` takes them.
            column: whose filters are served; kinds that serve every filter have no use for it and take it, so that all are built
                by the same call.
            metric: ``cosine``, ``ip`` (inner product) or ``l2`` (Euclidean distance).
            seed: of everything that is drawn. The same seed gives the same index.

        Raises:
            DataError: vectors or attributes that cannot be used, or another number of each.
            ConfigurationError: an unknown metric, or no such column.
            MissingExtraError: faiss is not installed, and the kind needs it.
        """

    @abstractmethod
    def serves(self, where: Expression) -> str | None:
        """None if a filter is served, else a sentence that says why not and what is."""

    @abstractmethod
    def candidates(self, points: Floats, k: int, where: Expression, passing: Passing, effort: int) -> Rows:
        """Rows that pass, among which the nearest are to be found.

        Args:
            points: the queries as ``Collection.points`` are, float32 (queries, width), at least one.
            k: how many are wanted.
            where: a filter that is served.
            passing: the rows that pass it, at least one.
            effort: at least 1.

        Returns:
            int64 (queries, any): rows that pass, each once in a line, and -1 for none.
        """

    def search(self, queries: npt.ArrayLike, k: int, where: Expression | str, *, effort: int) -> tuple[Rows, Scores]:
        """Find the k nearest rows of each query among those that pass a filter, as far as the effort goes.

        Args:
            queries: (queries, dim), finite.
            k: how many, at least 1.
            where: the filter, or its text in SQL; ``everything()`` for none.
            effort: the one parameter of a search, at least 1: more costs more and finds more. ``Entry.effort`` says what it counts.

        Returns:
            rows: int64 (queries, k), nearest first, -1 where no more were found.
            scores: float64 (queries, k), exact as ``kernels.exact`` defines them, -inf where no more were found.

        Raises:
            DataError: queries of another shape, or not finite.
            ConfigurationError: a filter that is not served, with the reason, or that does not fit the columns; k or effort below 1.
        """
        if k < 1 or effort < 1:
            raise ConfigurationError(f"k and effort must be at least 1. Got k={k} and effort={effort}.")
        collection = self.collection
        checked = check(from_sql(where) if isinstance(where, str) else where, collection.attributes.schema)
        refusal = self.serves(checked)
        if refusal is not None:
            raise ConfigurationError(refusal)
        asked = collection.queries(queries)
        passing = collection.attributes.select(checked)
        found = np.empty((len(asked), 0), dtype=np.int64)
        if passing.size and len(asked):
            found = self.candidates(collection.as_points(asked), k, checked, passing, effort)
        return collection.ranked(asked, found, k)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.collection.num:,} rows of {self.collection.vectors.shape[1]})"


class OfEveryFilter(Kind):
    """A kind that asks of a row only whether it passes, and therefore serves every filter."""

    def serves(self, where: Expression) -> None:  # noqa: ARG002 - the same for all
        """None: every filter is served."""
        return None


class OfOneColumn(Kind):
    """A kind that is built for the filters of one column."""

    what: ClassVar[str]

    def __init__(self, collection: Collection, column: str) -> None:
        super().__init__(collection)
        self.column = column

    def refusal(self, where: Expression) -> str:
        """The sentence that says what is served in place of a filter."""
        return (
            f"{self.name} was built for column '{self.column}' and serves {self.what} only. Got {where!r}. "
            "Build a kind that serves every filter, such as acorn-1, or use kinfolk.search.Index."
        )

    @classmethod
    def checked_column(cls, column: str | None) -> str:
        """The column that a kind is built for.

        Raises:
            ConfigurationError: none is given.
        """
        if column is None:
            raise ConfigurationError(f"{cls.name} is built for the filters of one column. Name it: column='...'.")
        return column
