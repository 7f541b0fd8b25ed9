"""One vector of a text from the states of its tokens, and the layer that stands on it while sentences are learned.

Four ways are in use. With h_k the states after layer k of L (h_0 are the embeddings of the tokens) and the mean taken over
all tokens that are no padding::

    cls         h_L of the first token
    mean        mean of h_L
    first_last  mean of (h_1 + h_L) / 2      the first layer is h_1, not h_0
    top2        mean of (h_{L-1} + h_L) / 2

Source: Gao, Yao & Chen, "SimCSE: simple contrastive learning of sentence embeddings", EMNLP 2021, arXiv 2104.08821;
mean of the first and the last layer: Su, Cao, Liu & Ou, "Whitening sentence representations", 2021, arXiv 2103.15316.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from kinfolk.errors import ConfigurationError

Pooling = Literal["cls", "mean", "first_last", "top2"]

_LEAST_STATES: dict[Pooling, int] = {"cls": 1, "mean": 1, "first_last": 2, "top2": 3}


def pool_tokens(states: Sequence[Tensor], mask: Tensor, *, pooling: Pooling = "mean") -> Tensor:
    """Pool the states of the tokens of each text.

    Args:
        states: h_0 to h_L, each (texts, tokens, dim), such as ``hidden_states`` of a model of transformers; "cls" and
            "mean" read the last one only, which may then be given alone.
        mask: (texts, tokens), 1 or True for a token and 0 for padding, which may stand on either side and hold anything.
        pooling: "cls", "mean", "first_last" or "top2".

    Returns:
        (texts, dim), of the type of the states; means are made in float32 at least. Zeros where a text is all padding.

    Raises:
        ConfigurationError: shapes that do not fit, fewer states than the pooling needs, or an unknown pooling.
    """
    if pooling not in get_args(Pooling):
        raise ConfigurationError(f"pooling must be one of {', '.join(get_args(Pooling))}. Got {pooling!r}.")
    if len(states) < _LEAST_STATES[pooling]:
        raise ConfigurationError(
            f"The pooling {pooling!r} needs {_LEAST_STATES[pooling]} states at least, the embeddings of the tokens and "
            f"those after each layer. Got {len(states)}. Ask the model for all hidden states."
        )
    last = states[-1]
    if any(state.ndim != 3 or state.shape != last.shape for state in states) or mask.shape != last.shape[:2]:
        raise ConfigurationError(
            f"States must have one shape (texts, tokens, dim), and the mask the shape (texts, tokens). Got "
            f"{[tuple(state.shape) for state in states]} and {tuple(mask.shape)}."
        )
    is_token = mask.bool()
    if pooling == "cls":
        first = is_token.to(torch.int8).argmax(dim=1)  # where padding stands on the left, the first token is further on
        rows = torch.arange(len(last), device=last.device)
        return last[rows, first].masked_fill(~is_token.any(1, keepdim=True), 0)
    if pooling == "mean":
        return _mean(last, is_token).to(last.dtype)
    other = states[1] if pooling == "first_last" else states[-2]
    return ((_mean(other, is_token) + _mean(last, is_token)) / 2).to(last.dtype)


def _mean(states: Tensor, is_token: Tensor) -> Tensor:
    """Mean over the tokens, in float32 at least; padding is filled and not multiplied by 0, as it may not be finite."""
    wide = states.to(torch.promote_types(states.dtype, torch.float32))
    total = wide.masked_fill(~is_token[:, :, None], 0).sum(1)
    return total / is_token.sum(1, keepdim=True).clamp(min=1)


class TanhHead(nn.Module):
    """A linear layer of equal width and a tanh, on the pooled states.

    Learning without labels uses it in training only: the embedding is then what it stood on. Learning from pairs keeps it.

    Args:
        dim: width of the pooled states.
        training_only: whether it lets everything pass in evaluation mode.
    """

    def __init__(self, dim: int, *, training_only: bool = False) -> None:
        super().__init__()
        self.training_only = training_only
        self.linear = nn.Linear(dim, dim)

    def forward(self, pooled: Tensor) -> Tensor:
        """(texts, dim) to (texts, dim), each in (-1, 1) where the head is used."""
        if self.training_only and not self.training:
            return pooled
        activations: Tensor = self.linear(pooled)
        return activations.tanh()
