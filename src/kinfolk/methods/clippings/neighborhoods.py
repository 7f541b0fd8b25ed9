"""Batches of whole neighborhoods: classes that look alike meet in one batch, several records of each.

For every class one exemplar is embedded; its k nearest classes are its neighborhood (itself among them). A batch is a
queue of neighborhoods with m records of each class. The neighborhoods are found anew before every epoch, where the
authors find them once; and a neighbor that is nearer than records of one class are to each other is left out, since it is
more likely the same thing under another label than a hard negative.

Source: Arora, Yang, Jheng & Dell, CLIPPINGS, 2023, arXiv 2304.03464, section on hard negatives. Finding them anew and
leaving out are project definitions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from torch.utils.data import Sampler

from kinfolk.errors import ConfigurationError

Rows = npt.NDArray[np.int64]
Embed = Callable[[Rows], npt.NDArray[np.float32]]

_TRUSTED = 0.95  # share of the pairs within a class that are nearer than what is left out


class NeighborhoodBatches(Sampler[list[int]]):
    """Rows of each batch of an epoch.

    Args:
        labels: of the records, int64 (records,).
        embed: unit vectors (rows, dim) of the records at rows, as the encoder is now.
        batch_size: records of a batch, at least ``neighbors * per_class``; rounded down to a multiple of it.
        neighbors: classes of a neighborhood, the anchor itself counted, at least 1.
        per_class: records of a class, at least 2; a class with fewer gives some of them twice.
        seed: of the order.

    Attributes:
        dropped: neighbors that the last epoch left out.

    Raises:
        ConfigurationError: a number that is not possible, or fewer than two classes.
    """

    def __init__(
        self, labels: Rows, embed: Embed, *, batch_size: int, neighbors: int = 3, per_class: int = 3, seed: int = 0
    ) -> None:
        if neighbors < 1 or per_class < 2:
            raise ConfigurationError(
                f"neighbors must be at least 1 and per_class at least 2. Got {neighbors} and {per_class}."
            )
        self._rows_of = _rows_by_class(labels)
        if len(self._rows_of) < 2:
            raise ConfigurationError("Learning from labels needs two classes at least. Got one.")
        self._neighbors = min(neighbors, len(self._rows_of))
        self._per_class = per_class
        if batch_size < self._neighbors * per_class:
            raise ConfigurationError(
                f"batch_size must be at least {self._neighbors * per_class}, {self._neighbors} classes of {per_class} records. "
                f"Got {batch_size}."
            )
        self._at_once = max(1, min(batch_size // (self._neighbors * per_class), len(self._rows_of)))
        self._embed, self._seed, self._epoch, self.dropped = embed, seed, 0, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of one epoch; Lightning calls this as each begins."""
        self._epoch = epoch

    def __len__(self) -> int:
        return -(-len(self._rows_of) // self._at_once)

    def __iter__(self) -> Iterator[list[int]]:
        rng = np.random.default_rng((self._seed, self._epoch))
        exemplars = np.array([rng.choice(rows) for rows in self._rows_of])
        near, self.dropped = neighborhoods(
            self._embed(exemplars), self._neighbors, limit=self._limit(rng) if self._neighbors > 1 else np.inf
        )
        draws = [_Draws(rows, rng) for rows in self._rows_of]
        anchors = rng.permutation(len(self._rows_of))
        for start in range(0, len(anchors), self._at_once):
            some = anchors[start : start + self._at_once]
            classes = list(dict.fromkeys(int(c) for anchor in some for c in near[anchor]))
            if len(classes) < 2:  # everything near was left out
                classes.append(int(rng.choice(np.setdiff1d(np.arange(len(self._rows_of)), classes))))
            yield [row for c in classes for row in draws[c].next(self._per_class)]

    def _limit(self, rng: np.random.Generator) -> float:
        """The cosine that few pairs within a class exceed; no limit where no class has two records."""
        pairs = [rng.choice(rows, 2, replace=False) for rows in self._rows_of if len(rows) > 1]
        if not pairs:
            return np.inf
        first, second = np.array(pairs).T
        within = np.einsum("ij,ij->i", self._embed(first), self._embed(second))
        return float(np.quantile(within, _TRUSTED))


def neighborhoods(exemplars: npt.NDArray[np.float32], k: int, *, limit: float = np.inf) -> tuple[list[Rows], int]:
    """The k nearest classes of each, itself first, without those whose cosine is above a limit.

    Args:
        exemplars: unit vectors, one a class, (classes, dim).
        k: classes of a neighborhood, itself counted.
        limit: largest cosine of a neighbor.

    Returns:
        Class numbers, at least the class itself, at most k; and how many of the k nearest were above the limit.
    """
    near: list[Rows] = []
    dropped = 0
    k = min(k, len(exemplars))
    for start in range(0, len(exemplars), 1024):
        cosine = exemplars[start : start + 1024] @ exemplars.T
        here = np.arange(len(cosine))
        cosine[here, start + here] = np.inf  # itself, whatever else is as near
        above = (cosine > limit) & np.isfinite(cosine)
        if k > 1:
            largest = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
            dropped += int(np.take_along_axis(above, largest, axis=1).sum())
        cosine[above] = -np.inf
        for row, values in enumerate(cosine):
            lowest = np.partition(values, len(values) - k)[len(values) - k]
            some = np.flatnonzero(values >= lowest)  # all that may be among the k nearest, in the order of classes
            best = some[np.argsort(-values[some], kind="stable")[:k]]
            near.append(best[values[best] > -np.inf].astype(np.int64))
            assert near[-1][0] == start + row
    return near, dropped


class _Draws:
    """Records of a class in random order, each once before any comes again."""

    def __init__(self, rows: Rows, rng: np.random.Generator) -> None:
        self._rows, self._rng = rows, rng
        self._left: list[int] = []

    def next(self, num: int) -> list[int]:
        drawn: list[int] = []
        while len(drawn) < num:
            if not self._left:
                again = self._rng.permutation(self._rows).tolist()
                fresh = [row for row in again if row not in drawn]  # none twice in a batch while there are others
                self._left = fresh or again
            drawn.append(self._left.pop())
        return drawn


def _rows_by_class(labels: Rows) -> list[Rows]:
    order = np.argsort(labels, kind="stable")
    return np.split(order.astype(np.int64), np.flatnonzero(np.diff(labels[order])) + 1) if len(labels) else []
