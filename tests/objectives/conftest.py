"""Makes the inputs that an objective says it needs, so that a newly registered one is tested without a word more."""

import inspect
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from kinfolk.objectives import Objective

Make = Callable[..., tuple[tuple[Tensor, ...], dict[str, Tensor]]]


@pytest.fixture
def make_objective() -> Callable[..., Objective]:
    """Makes an objective with its defaults, for embeddings of the given length, from a fixed seed."""

    def make(loss: type[Objective], *, dim: int = 8, seed: int = 0, **settings: object) -> Objective:
        torch.manual_seed(seed)
        sized = {"dim": dim} if "dim" in inspect.signature(loss).parameters else {}
        return loss(**sized, **settings)

    return make


@pytest.fixture
def make_inputs() -> Make:
    """Makes (embeddings, needs) for an objective: correlated views, four labels, each twice or more, crops that overlap."""

    def make(
        loss: type[Objective], items: int = 12, dim: int = 8, dtype: torch.dtype = torch.float64, seed: int = 7
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        generator = torch.Generator().manual_seed(seed)
        shape = (items, dim, 3, 4) if loss.maps else (items, dim)
        center = torch.randn(shape, generator=generator, dtype=torch.float64)
        embeddings = tuple(
            (center + 0.7 * torch.randn(shape, generator=generator, dtype=torch.float64)).to(dtype).requires_grad_()
            for _ in range(loss.embeddings)
        )
        corners = torch.rand(items, 2, 2, generator=generator, dtype=torch.float64) / 3
        offered = {
            "labels": torch.arange(items) % 4,
            "target_labels": (3 * torch.arange(items) + 1) % 4,
            "gates": torch.rand(items, dim, generator=generator, dtype=torch.float64),
            "boxes": torch.cat([corners, corners + 0.5], dim=2),
        }
        return embeddings, {name: offered[name] for name in loss.needs}

    return make
