"""The search for candidates: by n-grams of the whole records and of telling fields, and by vectors where there are some."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import numpy as np

from kinfolk.linking.candidates import Candidates, Neighbors, neighbors, union
from kinfolk.linking.capture import nearest_of
from kinfolk.linking.compare import MIN_DISTINCTNESS, Field
from kinfolk.linking.condition import PairCondition
from kinfolk.linking.labels import Labels
from kinfolk.linking.meaning import Vectors
from kinfolk.linking.search_space import search_space

_FIELD_K = 5


class Searched(Protocol):
    """What has vectors whose neighbors are candidates."""

    def searched(self) -> list[Vectors]:
        """Those vectors."""
        ...


def find_candidates(
    near: Neighbors,
    texts: tuple[list[str], list[str]],
    fields: Sequence[Field],
    views: Sequence[Searched],
    judged: Labels | None,
    num_right: int,
    advance: Callable[[float], None],
    condition: PairCondition | None = None,
) -> tuple[Candidates, np.ndarray]:
    """The candidate pairs, and which searches name each as nearest (``nearest_of``).

    Args:
        near: the neighbors of whole records by n-grams.
        texts: whole records of both tables, normalized.
        fields: the fields that are compared; those of text with many values are searched.
        views: searched by their vectors.
        judged: pairs that are candidates whatever is found.
        num_right: records of the right table, at least 1.
        advance: told the share that is done.
        condition: on the pairs; those that are judged must pass it, too. None lets all pass.
    """
    groups = None if condition is None else condition.groups
    telling = [f for f in fields if f.pair.role == "text" and f.distinctness > MIN_DISTINCTNESS]
    vectors = [of for view in views for of in view.searched()]
    num = len(telling) + len(vectors)
    searches, others = [near], list[Neighbors]()
    for done, field in enumerate(telling):
        advance(done / num)
        found = neighbors(search_space(field.left, field.right, field.space), _FIELD_K, groups)
        # A field that is all of the record is no second search.
        (others if (field.left, field.right) == texts else searches).append(found)
    for done, of in enumerate(vectors, len(telling)):
        told: Callable[[float], None] = partial(_tell, advance, done, num)
        searches.append(of.neighbors(advance=told, groups=groups))
    lists = [search.pairs(num_right) for search in (*searches, *others)]
    if judged is not None:
        passing = slice(None) if condition is None else condition.passes(judged.left, judged.right)
        lists.append(Candidates(judged.left[passing], judged.right[passing]))
    candidates = union([c.left for c in lists], [c.right for c in lists], num_right)
    return candidates, nearest_of(searches, candidates, num_right)


def _tell(advance: Callable[[float], None], done: int, num: int, share: float) -> None:
    """Tell how far all searches are when a share of the next one is done."""
    advance((done + share) / num)
