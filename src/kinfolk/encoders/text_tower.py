"""What a text tower is: tokens of texts in, a vector of each text out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

_AT_ONCE = 256  # texts


@runtime_checkable
class TextTower(Protocol):
    """A network over texts that is trained; every tower is a ``torch.nn.Module``.

    Attributes:
        dim: width of the features.
    """

    dim: int

    def tokens(self, texts: Sequence[str]) -> Tensor:
        """Numbers of the tokens of texts, int64 (texts, length, …), -1 where a text has ended."""
        ...

    def __call__(self, tokens: Tensor) -> Tensor:
        """Features of texts, (texts, dim)."""
        ...


@torch.no_grad()
def encode_texts(tower: nn.Module, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Features of texts as the tower is now, float32 (texts, dim), without dropout and whatever their order.

    Args:
        tower: a text tower.
        texts: any number.
    """
    assert isinstance(tower, TextTower)
    device = next(tower.parameters()).device
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    found = np.zeros((len(texts), tower.dim), np.float32)
    with evaluating(tower):
        for start in range(0, len(order), _AT_ONCE):
            rows = order[start : start + _AT_ONCE]
            features = tower(tower.tokens([texts[row] for row in rows]).to(device))
            found[rows] = features.float().cpu().numpy()
    return found


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """The module without dropout for a while; it is left in training or not as it was."""
    training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(training)
