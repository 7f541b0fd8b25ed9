"""The order in which items come: shuffled anew for each epoch, from the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

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

    Attributes:
        given: batches of this epoch that have been given so far.

    Raises:
        ConfigurationError: there are fewer items than a batch takes.
    """

    def __init__(self, num: int, batch_size: int, seed: int) -> None:
        if num < batch_size:
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
        return self.num // self.batch_size

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed((self.seed * _FAR + self.epoch) % SEEDS)
        batches = self.batches(generator)
        self.given, self._first = self._first, 0
        for rows in batches[self.given :]:
            self.given += 1
            yield rows

    def batches(self, generator: torch.Generator) -> list[list[int]]:
        """The batches of one epoch."""
        order = torch.randperm(self.num, generator=generator)[: len(self) * self.batch_size]
        rows: list[list[int]] = order.view(-1, self.batch_size).tolist()
        return rows


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
