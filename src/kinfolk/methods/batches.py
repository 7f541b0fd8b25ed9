"""The order in which items come: shuffled anew for each epoch, from the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from kinfolk.data.images import Images
from kinfolk.errors import ConfigurationError
from kinfolk.methods.method import Batch
from kinfolk.methods.trainable import SEEDS

_FAR = 104_729  # so that orders of neighboring seeds do not meet


class EpochBatches(Sampler[list[int]]):
    """Rows of each batch of an epoch; every row once, in the last incomplete batch none.

    Args:
        num: items of the data set.
        batch_size: items of a batch.
        seed: of the order.
        groups: of the items, integer (num,), so that no batch has items of two; a group that is smaller than a batch is a batch.
            None mixes all.

    Attributes:
        given: batches of this epoch that have been given so far.

    Raises:
        ConfigurationError: there are fewer items than a batch takes, or a group has one item only.
    """

    def __init__(self, num: int, batch_size: int, seed: int, *, groups: npt.NDArray[np.int64] | None = None) -> None:
        self._groups = None if groups is None else [np.flatnonzero(groups == group) for group in np.unique(groups)]
        if self._groups is not None and (alone := [int(rows[0]) for rows in self._groups if len(rows) < 2]):
            raise ConfigurationError(
                f"A batch is of one group, and each group needs two items at least. That of item {alone[0] + 1} has one "
                f"({len(alone)} groups do). Leave it out, or mix groups."
            )
        if self._groups is None and num < batch_size:
            raise ConfigurationError(
                f"batch_size must be at most the {num} items there are. Got {batch_size}. Lower it, or give more items."
            )
        self.num, self.batch_size, self.seed, self.epoch = num, batch_size, seed, 0
        self.given = self._first = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of one epoch; Lightning calls this as each begins."""
        self.epoch = epoch

    def skip(self, given: int) -> None:
        """Leave out the first batches of the epoch that is begun next, and of that one alone."""
        self._first = given

    def __len__(self) -> int:
        if self._groups is None:
            return self.num // self.batch_size
        return sum(max(1, len(rows) // self.batch_size) for rows in self._groups)

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed((self.seed * _FAR + self.epoch) % SEEDS)
        batches = self._mixed(generator) if self._groups is None else self._of_groups(self._groups, generator)
        self.given, self._first = self._first, 0
        for rows in batches[self.given :]:
            self.given += 1
            yield rows

    def _mixed(self, generator: torch.Generator) -> list[list[int]]:
        order = torch.randperm(self.num, generator=generator)[: len(self) * self.batch_size]
        rows: list[list[int]] = order.view(-1, self.batch_size).tolist()
        return rows

    def _of_groups(self, groups: list[npt.NDArray[np.int64]], generator: torch.Generator) -> list[list[int]]:
        batches = []
        for rows in groups:
            shuffled = rows[torch.randperm(len(rows), generator=generator).numpy()]
            whole = max(1, len(rows) // self.batch_size) * self.batch_size  # a small group is one batch
            batches += [part.tolist() for part in torch.from_numpy(shuffled[:whole]).split(self.batch_size)]
        return [batches[at] for at in torch.randperm(len(batches), generator=generator).tolist()]


class _WholeBatches(Dataset[Any]):
    """Gives a batch at once: one copy out of the array, instead of one for each item and another to join them."""

    def __init__(self, make: Callable[[list[int]], Any]) -> None:
        self._make = make

    def __getitems__(self, rows: list[int]) -> Any:
        return self._make(rows)


class WholeLoader(DataLoader[Any]):
    """Batches in the main process.

    Args:
        make: the batch of these rows.
        order: the rows of each batch.
    """

    def __init__(self, make: Callable[[list[int]], Any], order: Sampler[list[int]]) -> None:
        super().__init__(_WholeBatches(make), batch_sampler=order, collate_fn=_as_it_is)


class BatchLoader(WholeLoader):
    """Batches in the main process; its state is its place within the epoch, which Lightning keeps in checkpoints.

    Args:
        make: the batch of these rows.
        order: the rows of each batch.
    """

    def __init__(self, make: Callable[[list[int]], Any], order: EpochBatches) -> None:
        super().__init__(make, order)
        self._order = order

    def state_dict(self) -> dict[str, int]:
        """How many batches of the epoch have been given."""
        return {"given": self._order.given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on after the batches that had been given."""
        self._order.skip(state["given"])


def batches(images: Images, *, batch_size: int, seed: int) -> BatchLoader:
    """Batches of images, in an order that follows from the seed.

    Raises:
        ConfigurationError: there are fewer images than a batch takes.
    """
    pixels = torch.from_numpy(images.pixels)
    labels = None if images.labels is None else torch.from_numpy(images.labels)

    def make(rows: list[int]) -> Batch:
        at = torch.tensor(rows)
        return Batch(pixels[at], at, None if labels is None else labels[at])

    return BatchLoader(make, EpochBatches(len(images), batch_size, seed))


def _as_it_is(batch: Any) -> Any:
    return batch
