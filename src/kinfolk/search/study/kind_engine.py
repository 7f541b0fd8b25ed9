"""The methods of the literature in ``kinfolk.search.kinds`` as engines, to be read in the same tables as the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from kinfolk.errors import ConfigurationError
from kinfolk.search.filters import everything
from kinfolk.search.kinds import find_kind
from kinfolk.search.kinds.interface import Kind
from kinfolk.search.study.engine import Rows
from kinfolk.search.study.plain_engines import EF
from kinfolk.search.study.terms import Terms, expression_of
from kinfolk.search.study.vecs import Vectors

_EFFORTS: dict[str, Sequence[float]] = {
    "post-filter": (1, 2, 4, 8, 16, 32, 64, 128),
    "ivf-selector": (1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
}


class OfKind:
    """A kind, built with its defaults. One that serves a single column is built for a column when it is first asked for it.

    Args:
        name: of the kind.

    Raises:
        ConfigurationError: there is no such kind.
    """

    def __init__(self, name: str) -> None:
        self._entry = find_kind(name)
        self.name, self.effort = name, "effort"
        self.efforts: Sequence[float] = _EFFORTS.get(name, EF)
        self.about = f"{self._entry.paper}; effort: {self._entry.effort}"
        self._built: dict[str | None, Kind] = {}

    def build(self, vectors: Vectors, attributes: pa.Table) -> None:
        """As ``Engine.build``."""
        self._vectors, self._attributes = vectors, attributes
        if not self._entry.of_one_column:
            self._of(None)

    def search(self, queries: Vectors, filters: Sequence[Terms], k: int, effort: float) -> Rows:
        """As ``Engine.search``.

        Raises:
            ConfigurationError: a filter that the kind does not serve.
        """
        if len(filters) == 1:
            return self._under(queries, filters[0], k, int(effort))
        found = [self._under(queries[row : row + 1], terms, k, int(effort)) for row, terms in enumerate(filters)]
        return np.concatenate(found)

    def num_bytes(self) -> int:
        """Bytes of the vectors alone: kinds do not tell what their graphs take."""
        return int(self._vectors.nbytes)

    def _under(self, queries: Vectors, terms: Terms, k: int, effort: int) -> Rows:
        column = None
        if self._entry.of_one_column:
            columns = {term.column for term in terms}
            served = {term.kind.upper() for term in terms} <= set(self._entry.serves)
            if len(columns) != 1 or not served:
                raise ConfigurationError(
                    f"{self.name} serves filters of one column, of the kinds {', '.join(self._entry.serves)}. Got {terms}."
                )
            (column,) = columns
        where = expression_of(terms)
        return self._of(column).search(queries, k, everything() if where is None else where, effort=effort)[0]

    def _of(self, column: str | None) -> Kind:
        if column not in self._built:
            self._built[column] = self._entry.make.build(self._vectors, self._attributes, column=column)
        return self._built[column]
