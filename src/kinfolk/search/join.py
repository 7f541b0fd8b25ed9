"""The nearest rows of one table for every row of another, under conditions on both: what links tables by their vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from kinfolk.errors import ConfigurationError, DataError
from kinfolk.search.filters.of_queries import Filter, as_table
from kinfolk.search.found import Nearest
from kinfolk.search.index import Index
from kinfolk.search.metric import Metric, as_vectors

_BLOCK = 10_000  # left rows at a time, between which progress is told


def join(
    left: npt.ArrayLike,
    right: Index | npt.ArrayLike,
    k: int = 10,
    *,
    where: Filter | None = None,
    left_attributes: object = None,
    right_attributes: object = None,
    metric: Metric = "cosine",
    recall: float = 0.95,
    exact: bool = False,
    threads: int | None = None,
    advance: Callable[[float], None] | None = None,
) -> Nearest:
    """Find the k nearest right rows of every left row that pass its conditions, such as "same country as mine, within two years".

    Args:
        left: vectors, (left rows, dim).
        right: an index; or vectors (right rows, dim), whose ids then are their row numbers.
        k: how many, at least 1; fewer only where fewer pass.
        where: conditions on the right rows; ``mine`` is the left row's own attribute.
        left_attributes: a table with a row for each left row, where the conditions ask for them.
        right_attributes: a table with a row for each right row, where vectors are given.
        metric: where vectors are given.
        recall, exact, threads: as of ``Index.search``.
        advance: told the share of the left rows that is done.

    Raises:
        DataError, ConfigurationError, MissingExtraError: as of ``Index.build`` and ``Index.search``.
    """
    if not isinstance(right, Index):
        # A graph takes longer to build than one pass over the left rows takes without it.
        right = Index.build(right, right_attributes, metric=metric, graph=False, threads=threads)
    elif right_attributes is not None:
        raise ConfigurationError("The attributes of an index are its own. Leave right_attributes out.")
    queries = as_vectors(left, name="left")
    own = None if left_attributes is None else as_table(left_attributes, "left_attributes")
    if own is not None and len(own) != len(queries):
        raise DataError(
            f"left_attributes must have a row for each left vector. Got {len(own)} rows and {len(queries)} vectors."
        )
    moment, blocks = right.moment, []
    for start in range(0, max(len(queries), 1), _BLOCK):
        part = slice(start, start + _BLOCK)
        mine = None if own is None else own.slice(start, _BLOCK)
        blocks.append(
            moment.search(queries[part], k, where=where, own=mine, recall=recall, exact=exact, threads=threads)
        )
        if advance is not None:
            advance(min(1.0, (start + _BLOCK) / max(len(queries), 1)))
    return Nearest(
        np.concatenate([block.rows for block in blocks]),
        np.concatenate([block.scores for block in blocks]),
        notices=tuple(dict.fromkeys(notice for block in blocks for notice in block.notices)),
        column=moment.ids,
    )
