"""The mean over the tokens of a text, and the small network that a mixture of experts puts on it.

Source: Hallee et al., "Contrastive learning and mixture of experts enables precise vector embeddings", 2024,
arXiv 2401.15713: masked mean, layer norm, linear, tanh, linear, all of one width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def masked_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean over the tokens that are there, (texts, dim), zeros where none is.

    Args:
        hidden: (texts, tokens, dim).
        mask: bool or 0 and 1 (texts, tokens).
    """
    weight = mask.to(hidden.dtype).unsqueeze(-1)
    return (hidden * weight).sum(1) / weight.sum(1).clamp_min(1)


class MeanPooler(nn.Module):
    """Hidden states of tokens to one vector a text.

    Args:
        dim: of the hidden states and of the vector.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm, self.first, self.last = nn.LayerNorm(dim), nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Vectors (texts, dim); the arguments are those of ``masked_mean``."""
        pooled: Tensor = self.last(torch.tanh(self.first(self.norm(masked_mean(hidden, mask)))))
        return pooled
