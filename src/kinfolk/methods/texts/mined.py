"""Mined negatives in training: one of each item's, drawn anew whenever it comes by, that belongs to nothing in the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kinfolk.data.same_text import item_keys
from kinfolk.data.texts import Texts
from kinfolk.errors import DataError
from kinfolk.methods.texts.candidates import Encode
from kinfolk.methods.texts.negatives import Mining, Rows, Source, mine_negatives


@dataclass(frozen=True, eq=False)
class Mined:
    """Negatives to draw from.

    Attributes:
        texts: items that have a negative.
        documents: what the negatives are among: the positives of all items.
        document_keys: what the item of each document has, see ``item_keys``, int64 (documents, kinds).
        keys: the same of the items of ``texts``, int64 (items, kinds).
        hard, easy: places of the mined documents and of some others, int64 (items, pool), -1 where there are fewer.
        hard_share: of draws that take a mined one.
        seed: of the draw.
    """

    texts: Texts
    documents: tuple[str, ...]
    document_keys: npt.NDArray[np.int64]
    keys: npt.NDArray[np.int64]
    hard: Rows
    easy: Rows
    hard_share: float
    seed: int

    @property
    def with_hard(self) -> int:
        """How many items have a mined negative."""
        return int((self.hard[:, 0] >= 0).sum())

    def draw(self, rows: Sequence[int], epoch: int) -> tuple[str, ...]:
        """A negative of each of these items, which share no batch with what it belongs to, unless all theirs do.

        Args:
            rows: the items of a batch.
            epoch: another one draws others.
        """
        rng = np.random.default_rng([self.seed, epoch, *rows])
        taken = set(self.keys[list(rows)].ravel().tolist())
        drawn = []
        for row in rows:
            hard, easy = (rng.permutation(pool[row][pool[row] >= 0]) for pool in (self.hard, self.easy))
            first, second = (hard, easy) if rng.random() < self.hard_share else (easy, hard)
            order = [*first.tolist(), *second.tolist()]
            apart = (place for place in order if taken.isdisjoint(self.document_keys[place].tolist()))
            drawn.append(self.documents[next(apart, order[0])])
        return tuple(drawn)


def mine_texts(texts: Texts, *, by: Source, mining: Mining, encode: Encode | None, seed: int) -> Mined:
    """Mine once, before training; an item to which every text belongs is left out.

    Args:
        texts, by, mining, encode, seed: see ``mine_negatives``.

    Raises:
        ConfigurationError: see ``mine_negatives``.
        DataError: no item has a negative.
    """
    hard = mine_negatives(texts, by=by, mining=mining, encode=encode, seed=seed)
    easy = mine_negatives(texts, by="random", mining=replace(mining, skip=0), seed=seed)
    some = np.flatnonzero((hard[:, 0] >= 0) | (easy[:, 0] >= 0))
    if not len(some):
        raise DataError(
            f"None of the {len(texts):,} pairs has a negative: every positive belongs to every text. Check the pairs, and the "
            "groups where there are some."
        )
    keys, lost = item_keys(texts), len(texts) - len(some)
    note = f"{lost:,} items have no negative, for every positive belongs to them; they were left out."
    notes = (note,) if lost else ()
    return Mined(
        texts.take(some, notes=notes),
        texts.columns[1],
        keys,
        keys[some],
        hard[some],
        easy[some],
        mining.hard_share,
        seed,
    )
