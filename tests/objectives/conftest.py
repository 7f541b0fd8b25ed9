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
    """Makes (embeddings, needs) for an objective: correlated views, four labels, each twice or more."""

    def make(
        loss: type[Objective], items: int = 12, dim: int = 8, dtype: torch.dtype = torch.float64, seed: int = 7
    ) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        generator = torch.Generator().manual_seed(seed)
        center = torch.randn(items, dim, generator=generator, dtype=torch.float64)
        embeddings = tuple(
            (center + 0.7 * torch.randn(items, dim, generator=generator, dtype=torch.float64))
            .to(dtype)
            .requires_grad_()
            for _ in range(loss.embeddings)
        )
        offered = {"labels": torch.arange(items) % 4}
        return embeddings, {name: offered[name] for name in loss.needs}

    return make
