"""Batches in which nothing comes twice, of one corpus each: what stands beside a text in a batch is its negative.

Source: batches without duplicates as in Reimers & Gurevych's library of sentence transformers; corpora drawn by size as in
Izacard et al., Contriever, TMLR 2022, arXiv 2112.09118, see ``kinfolk.data.corpora``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from kinfolk.data.corpora import sampling_probabilities
from kinfolk.errors import ConfigurationError
from kinfolk.methods.batches import EpochBatches

Rows = npt.NDArray[np.int64]
_OPEN = 8  # batches that are filled at a time


def distinct_batches(order: Sequence[int], keys: Sequence[Sequence[int]], size: int) -> list[list[int]]:
    """Deal rows into full batches in which no key comes twice; where there are too few for one, into one that is smaller.

    A row goes into the first of a few open batches that has none of its keys; one that fits into none is left out, and so are
    the rows of batches that are open in the end. So a key that comes too often for the others comes less often here.

    Args:
        order: rows, each once, at least one.
        keys: a number of each row, for each kind of key.
        size: rows of a batch.
    """
    full: list[list[int]] = []
    opened: list[tuple[list[int], set[int]]] = []
    for row in order:
        own = {of[row] for of in keys}
        place = next((place for place, (_, taken) in enumerate(opened) if own.isdisjoint(taken)), len(opened))
        if place == _OPEN:
            continue
        if place == len(opened):
            opened.append(([], set()))
        rows, taken = opened[place]
        rows.append(row)
        taken |= own
        if len(rows) == size:
            full.append(opened.pop(place)[0])
    return full or [max((rows for rows, _ in opened), key=len)]


class TextBatches(EpochBatches):
    """Rows of each batch of an epoch: no key twice in a batch, and all rows of a batch from one corpus.

    Where no key comes twice and there is one corpus, these are the batches of ``EpochBatches``. Otherwise an epoch has as many of
    them, and begins anew with rows it has used where keys, or the draw of corpora, leave it too few. A corpus that does not fill
    a batch has smaller ones.

    Args:
        keys: of each row, such as those of its texts and its group; see ``item_keys``; int64 (rows, kinds), at least 0.
        batch_size: rows of a batch.
        seed: of the order.
        corpora: the corpus, or domain, of each row, from 0, int64 (rows,); None mixes all.
        corpus_names: of the corpora.
        coefficient: see ``sampling_probabilities``.

    Raises:
        ConfigurationError: the rows do not fill a batch, or a corpus has no two that may stand in one; an impossible coefficient.
    """

    def __init__(
        self,
        keys: Rows,
        batch_size: int,
        seed: int,
        *,
        corpora: Rows | None = None,
        corpus_names: Sequence[str] = (),
        coefficient: float = 0.0,
    ) -> None:
        super().__init__(len(keys), batch_size, seed)
        self._keys = [column.tolist() for column in keys.T]
        self._corpora = [np.arange(len(keys))]
        if corpora is not None:
            self._corpora = [np.flatnonzero(corpora == corpus) for corpus in range(len(corpus_names))]
        self._shares = sampling_probabilities([len(rows) for rows in self._corpora], coefficient=coefficient)
        self._names = tuple(corpus_names)
        for corpus, rows in enumerate(self._corpora):
            if len(rows):
                self._fill(corpus, 1, torch.Generator().manual_seed(seed))

    def batches(self, generator: torch.Generator) -> list[list[int]]:
        """The batches of one epoch."""
        if len(self._corpora) == 1:
            return self._fill(0, len(self), generator)
        rng = np.random.default_rng(int(torch.randint(1 << 62, (1,), generator=generator)))
        drawn = rng.choice(len(self._corpora), len(self), p=self._shares)
        found: list[list[int]] = [[]] * len(self)
        for corpus in range(len(self._corpora)):
            places = np.flatnonzero(drawn == corpus).tolist()
            for place, rows in zip(places, self._fill(corpus, len(places), generator), strict=True):
                found[place] = rows
        return found

    def _fill(self, corpus: int, num: int, generator: torch.Generator) -> list[list[int]]:
        """So many batches of a corpus, in as many passes over it as it takes.

        Raises:
            ConfigurationError: a pass gives none that is large enough.
        """
        rows, found = self._corpora[corpus], list[list[int]]()
        while len(found) < num:
            order = rows[torch.randperm(len(rows), generator=generator).numpy()]
            dealt = distinct_batches(order.tolist(), self._keys, self.batch_size)
            if not self._names and len(dealt[0]) < self.batch_size:
                raise ConfigurationError(
                    f"batch_size must be so small that the {len(rows):,} items fill a batch in which no text and no group comes "
                    f"twice. Got {self.batch_size}. Lower it, or give more items."
                )
            if len(dealt[0]) < 2:
                raise ConfigurationError(
                    "All items of a batch are of one corpus or domain, and no text and no group comes twice. Of the "
                    f"{len(rows):,} items of {self._names[corpus]!r} no two may stand in one. Give more, or leave them out."
                )
            found += dealt
        return found[:num]
