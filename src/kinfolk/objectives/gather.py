"""One batch from many processes, with gradients: a split batch then gives the loss of the whole one."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from kinfolk.errors import ConfigurationError


def gather_rows(rows: Tensor) -> Tensor:
    """Rows of all processes, in the order of their ranks; the rows as they are where there is one process.

    Every process then computes the loss of the whole batch. The gradients that the processes send back are summed, and
    distributed data parallel training divides by their number when it averages: what is left is the gradient of one
    process with the whole batch.

    Args:
        rows: (items, ...), equally many on each process.

    Raises:
        ConfigurationError: the processes hold different numbers of rows.
    """
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return rows
    sizes = [torch.zeros(1, dtype=torch.int64, device=rows.device) for _ in range(dist.get_world_size())]
    dist.all_gather(sizes, torch.tensor([len(rows)], device=rows.device))
    counts = [int(size) for size in sizes]
    if len(set(counts)) > 1:
        raise ConfigurationError(
            f"gather needs equally many items on each process. Got {counts}. Drop the last incomplete batch."
        )
    gathered: Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call]
    return gathered


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.items = len(rows)
        rows = rows.contiguous()  # what is sent and what is received must lie in memory alike
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        summed = gradient.clone(memory_format=torch.contiguous_format)  # another node may hold the same gradient
        dist.all_reduce(summed)
        return summed[dist.get_rank() * ctx.items :][: ctx.items]
