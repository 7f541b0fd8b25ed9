"""The small network that a mixture of experts puts on the mean over the tokens of a text.

Source: Hallee et al., "Contrastive learning and mixture of experts enables precise vector embeddings", 2024,
arXiv 2401.15713: masked mean, layer norm, linear, tanh, linear, all of one width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kinfolk.encoders.text_pooling import pool_tokens


class MeanPooler(nn.Module):
    """Hidden states of tokens to one vector a text.

    Args:
        dim: of the hidden states and of the vector.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm, self.first, self.last = nn.LayerNorm(dim), nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Vectors of texts, (texts, dim).

        Args:
            hidden: (texts, tokens, dim).
            mask: which tokens are there, bool or 0 and 1 (texts, tokens).
        """
        pooled: Tensor = self.last(torch.tanh(self.first(self.norm(pool_tokens([hidden], mask)))))
        return pooled
