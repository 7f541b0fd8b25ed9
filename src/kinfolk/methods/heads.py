"""Heads that stand on an encoder while it is trained: projectors and predictors."""

from __future__ import annotations

import itertools

from torch import nn


def mlp_head(
    dim: int, *, hidden: int = 512, out: int = 128, layers: int = 2, normalize_output: bool = False
) -> nn.Sequential:
    """Linear layers with batch normalization and ReLU between them.

    Args:
        dim: width of what comes in.
        hidden: width between the layers.
        out: width of what goes out.
        layers: linear layers, at least 1.
        normalize_output: whether the last layer, too, is followed by batch normalization (without scale and shift).
    """
    widths = [dim, *[hidden] * (layers - 1), out]
    modules: list[nn.Module] = []
    for number, (before, after) in enumerate(itertools.pairwise(widths), start=1):
        last = number == layers
        followed = not last or normalize_output
        modules.append(nn.Linear(before, after, bias=not followed))
        if followed:
            modules.append(nn.BatchNorm1d(after, affine=not last))
        if not last:
            modules.append(nn.ReLU(inplace=True))
    return nn.Sequential(*modules)
