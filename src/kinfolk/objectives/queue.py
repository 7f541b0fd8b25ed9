"""A queue of rows from earlier batches: more negatives, or more possible neighbors, than one batch holds.

First in, first out: the rows of a batch overwrite the oldest ones, and the queue starts over at its end, also within a
batch. Before it is full, the rest are random directions.

Source: He, Fan, Wu, Xie & Girshick, "Momentum contrast for unsupervised visual representation learning", CVPR 2020,
arXiv 1911.05722, section 3.2. There the size is a multiple of the batch; here it need not be.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kinfolk.errors import ConfigurationError
from kinfolk.objectives._inputs import check_count, check_dim, check_labels, full_precision, unit

NOBODY = torch.iinfo(torch.int64).min  # the id of a row that came without one
_CHUNK = 64  # queries that are compared with the whole queue at a time


class Queue(nn.Module):
    """Rows of the last batches; ``state_dict`` holds them and where the next one goes.

    Args:
        size: rows it holds, at least 1.
        dim: length of a row, at least 1.

    Attributes:
        rows: (size, dim), random unit vectors at the start.
        ids: the item of each row, int64 (size,); ``NOBODY`` where none was given.
        enqueued: how many rows have come in so far, int64 (1,).
    """

    rows: Tensor
    ids: Tensor
    enqueued: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        size, dim = check_count("queue_size", size), check_count("dim", dim)
        self.register_buffer("rows", unit(torch.randn(size, dim)))
        self.register_buffer("ids", torch.full((size,), NOBODY))
        self.register_buffer("enqueued", torch.zeros(1, dtype=torch.int64))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def pointer(self) -> Tensor:
        """The place of the next row, int64 (1,)."""
        return self.enqueued % len(self)

    @property
    def is_full(self) -> bool:
        """Whether every random row has been overwritten."""
        return bool(self.enqueued >= len(self))

    def snapshot(self) -> tuple[Tensor, Tensor]:
        """Copies of rows and ids, for a backward pass that comes after the next ``enqueue``."""
        return self.rows.clone(), self.ids.clone()

    @torch.no_grad()
    def enqueue(self, rows: Tensor, ids: Tensor | None = None) -> None:
        """Overwrite the oldest rows.

        Args:
            rows: (items, dim), kept as they are; no more than the queue holds.
            ids: the item of each, integer (items,).

        Raises:
            ConfigurationError: more rows than the queue holds, or shapes that do not fit.
        """
        check_dim(rows, "rows", self.rows.shape[1])
        if len(rows) > len(self):
            raise ConfigurationError(
                f"A queue must hold at least one batch. Got a batch of {len(rows)} for a queue of {len(self)}. "
                f"Use a larger queue or a smaller batch."
            )
        if ids is not None:
            check_labels(ids, len(rows), "ids")
        places = (self.enqueued + torch.arange(len(rows), device=self.rows.device)) % len(self)
        self.rows[places] = rows.to(self.rows.dtype)
        self.ids[places] = NOBODY if ids is None else ids.to(torch.int64)
        self.enqueued += len(rows)


@torch.no_grad()
def nearest_rows(
    embeddings: Tensor, queue: Tensor, *, count: int = 1, apart: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """The rows of a queue that are most similar to each embedding.

    Args:
        embeddings: raw (items, dim).
        queue: unit rows (size, dim).
        count: how many, in [1, size].
        apart: ids of the embeddings and of the queue; rows of the own id come last.

    Returns:
        Row numbers, int64 (items, count), most similar first. Of equal ones the single nearest is the first.
    """
    rows = unit(embeddings)
    candidates = queue.to(rows.dtype)
    found = []
    with full_precision(rows):
        for start in range(0, len(rows), _CHUNK):
            part = slice(start, start + _CHUNK)
            similarity = rows[part] @ candidates.T
            if apart is not None:
                similarity.masked_fill_(apart[0][part, None] == apart[1], -torch.inf)
            # Which of equal values topk takes is not defined, argmax takes the first.
            nearest = similarity.argmax(1, keepdim=True) if count == 1 else similarity.topk(count, dim=1).indices
            found.append(nearest)
    return torch.cat(found)
