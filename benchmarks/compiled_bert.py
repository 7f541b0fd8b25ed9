"""The forward pass of a BERT whose layers ``torch.compile`` compiles, on texts of one length: an arm of ``encode_speed``.

It is no part of kinfolk: beside products whose weights are laid out beforehand it has to earn the seconds that compiling takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kinfolk.encoders.packed_attention import runs_of

Weights = tuple[Tensor, Tensor]  # and what is added


class CompiledBert:
    """Tokens to features, with the mean of the tokens; for MiniLM and its like, whose activation is GELU.

    Args:
        bert: a ``BertModel``.
        dtype: of the products.
    """

    def __init__(self, bert: Any, *, dtype: torch.dtype) -> None:
        self._embeddings = bert.embeddings
        self._layers = [_weights(layer, dtype) for layer in bert.encoder.layer]
        self._heads = bert.config.num_attention_heads
        self._epsilon = bert.config.layer_norm_eps
        # One graph of one layer, which all layers share: compiling takes a fraction of what it takes for the whole.
        self._layer = torch.compile(_layer, dynamic=True)

    @torch.inference_mode()
    def __call__(self, texts: Sequence[Sequence[int]]) -> Tensor:
        features = []
        for run in runs_of(texts):
            states = self._embeddings(torch.tensor(texts[run.texts]))
            for weights in self._layers:
                states = self._layer(states, self._heads, self._epsilon, *weights)
            features.append(states.mean(1))
        return torch.cat(features)


def _layer(
    states: Tensor,
    heads: int,
    epsilon: float,
    inputs: Weights,
    outputs: Weights,
    norm: Weights,
    up: Weights,
    down: Weights,
    last: Weights,
) -> Tensor:
    texts, length, width = states.shape
    dtype = inputs[0].dtype
    parts = F.linear(states.to(dtype), *inputs).view(texts, length, 3, heads, width // heads)
    query, key, value = parts.permute(2, 0, 3, 1, 4)
    taken = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(texts, length, width)
    states = F.layer_norm(states + F.linear(taken, *outputs), (width,), *norm, epsilon)
    inner = F.linear(F.gelu(F.linear(states.to(dtype), *up)), *down)
    return F.layer_norm(states + inner, (width,), *last, epsilon)


def _weights(layer: Any, dtype: torch.dtype) -> tuple[Weights, ...]:
    """Of queries with keys and values, outputs, the norm, up, down, and the last norm."""
    attention, output = layer.attention.self, layer.attention.output
    heads = (attention.query, attention.key, attention.value)
    joined = (torch.cat([part.weight for part in heads]), torch.cat([part.bias for part in heads]))
    plain = [(part.weight, part.bias) for part in (output.dense, layer.intermediate.dense, layer.output.dense)]
    products = [(weight.detach().to(dtype), bias.detach().to(dtype)) for weight, bias in (joined, *plain)]
    first, last = ((norm.weight.detach(), norm.bias.detach()) for norm in (output.LayerNorm, layer.output.LayerNorm))
    return products[0], products[1], first, products[2], products[3], last
