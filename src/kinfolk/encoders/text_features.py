"""Features of many texts by a text tower that is trained, as it is now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from kinfolk.encoders.text_by_name import TextTower

_AT_ONCE = 256  # texts


@torch.no_grad()
def encode_texts(
    tower: TextTower, texts: Sequence[str], *, advance: Callable[[float], None] | None = None
) -> npt.NDArray[np.float32]:
    """Features of texts as the tower is now, float32 (texts, dim), without dropout and whatever their order.

    Args:
        tower: a text tower.
        texts: any number.
        advance: told the share that is done.
    """
    device = next(tower.parameters()).device
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    found = np.zeros((len(texts), tower.dim), np.float32)
    with evaluating(tower):
        for start in range(0, len(order), _AT_ONCE):
            rows = order[start : start + _AT_ONCE]
            features = tower(tower.tokens([texts[row] for row in rows]).to(device))
            found[rows] = features.float().cpu().numpy()
            if advance is not None:
                advance((start + len(rows)) / len(order))
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
