"""What a text encoder learns from the pairs that letters make likely: their texts, in batches that can be filled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kinfolk.data import Records
from kinfolk.data.same_text import item_keys
from kinfolk.data.texts import Texts
from kinfolk.encoders import record_texts
from kinfolk.linking.alignment import FieldPair
from kinfolk.linking.likely_pairs import LikelyPairs
from kinfolk.linking.meaning import views_of_fields

_MOST_CHARACTERS = 128  # of a text while it is learned from, which bounds the time
_VIEWS = "record", "main field"


def items_of_pairs(
    left: Records, right: Records, fields: Sequence[FieldPair], pairs: LikelyPairs, things: np.ndarray
) -> Texts:
    """What an encoder learns from: of each pair the texts of its records, and those of their main field.

    Args:
        left, right: the tables.
        fields: the fields that are compared.
        pairs: the pairs.
        things: one number for pairs of the same thing, which are no negatives of each other, int64 (pairs,).

    Returns:
        Items, whose rows are those of ``pairs``, and whose corpora the views, for a main field is too easily told from a record to
        be its negative; what says nothing on a side, or the same on both, is left out.
    """
    anchors, positives, rows, of_view = list[str](), list[str](), list[int](), list[int]()
    for view, (names_left, names_right) in enumerate(views_of_fields(left, right, fields)):
        texts_left, texts_right = record_texts(left, names_left), record_texts(right, names_right)
        for row, (a, b) in enumerate(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)):
            one, other = texts_left[a][:_MOST_CHARACTERS], texts_right[b][:_MOST_CHARACTERS]
            if one and other and one != other:
                anchors.append(one)
                positives.append(other)
                rows.append(row)
                of_view.append(view)
    return Texts(
        (tuple(anchors), tuple(positives)),
        np.array(rows, np.int64),
        groups=things[rows],
        corpora=np.array(of_view, np.int64),
        corpus_names=_VIEWS,
    )


def full_batches(items: Texts, *, least: int, most: int) -> tuple[Texts, int]:
    """How large batches may be, and the items of those views that fill some.

    Nothing comes twice in a batch, neither a text nor a thing. Items with nothing in common are picked until none is left; in
    another order they are a third as many at least, for an item has three keys. Batches of that size are filled in any order.

    Args:
        items: see ``items_of_pairs``.
        least, most: items of a batch, at least 2; a view that fills none of the least size is left out.

    Returns:
        Items of one view or of both, and the size; of none, and 0, where no view fills a batch.
    """
    from kinfolk.methods.texts.batches import distinct_batches

    assert items.corpora is not None
    sizes = {}
    for view in np.unique(items.corpora).tolist():
        keys = item_keys(items.take(np.flatnonzero(items.corpora == view))).T.tolist()
        num = len(keys[0])
        sizes[view] = min(most, len(distinct_batches(range(num), keys, num)[0]) // len(keys))
    filling = [view for view, size in sizes.items() if size >= least]
    kept = items.take(np.flatnonzero(np.isin(items.corpora, filling)))
    numbers = np.searchsorted(filling, items.corpora[np.isin(items.corpora, filling)])
    names = tuple(items.corpus_names[view] for view in filling)
    return replace(kept, corpora=numbers, corpus_names=names), min((sizes[view] for view in filling), default=0)
