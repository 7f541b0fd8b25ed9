"""The forward pass of a BERT as one graph that ``torch.compile`` compiles, on texts of one length: an arm of ``encode_speed``.

It is no part of kinfolk: beside products whose weights are laid out beforehand it has to earn the seconds that compiling takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kinfolk.encoders.packed_bert import runs_of


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
        self._compiled = torch.compile(self._forward, dynamic=True)

    @torch.inference_mode()
    def __call__(self, texts: Sequence[Sequence[int]]) -> Tensor:
        features = [
            self._compiled(self._embeddings(torch.tensor(texts[run.texts])), self._layers) for run in runs_of(texts)
        ]
        return torch.cat(features)

    def _forward(self, states: Tensor, layers: list[tuple[Tensor, ...]]) -> Tensor:
        texts, length, width = states.shape
        for inputs, outputs, norm, up, down, last in zip(*[iter(_pairs(layers))] * 6, strict=True):
            dtype = inputs[0].dtype
            parts = F.linear(states.to(dtype), *inputs).view(texts, length, 3, self._heads, width // self._heads)
            query, key, value = parts.permute(2, 0, 3, 1, 4)
            taken = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(texts, length, width)
            states = F.layer_norm(states + F.linear(taken, *outputs), (width,), *norm, self._epsilon)
            inner = F.linear(F.gelu(F.linear(states.to(dtype), *up)), *down)
            states = F.layer_norm(states + inner, (width,), *last, self._epsilon)
        return states.mean(1)


def _pairs(layers: list[tuple[Tensor, ...]]) -> list[tuple[Tensor, Tensor]]:
    return [(layer[at], layer[at + 1]) for layer in layers for at in range(0, len(layer), 2)]


def _weights(layer: Any, dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Of the products (queries with keys and values, outputs), the norm, up, down, and the last norm: weight and bias of each."""
    attention, output = layer.attention.self, layer.attention.output
    heads = (attention.query, attention.key, attention.value)
    joined = (torch.cat([part.weight for part in heads]), torch.cat([part.bias for part in heads]))
    norms = output.LayerNorm, layer.output.LayerNorm
    products = output.dense, layer.intermediate.dense, layer.output.dense
    outputs, up, down = ((part.weight.detach().to(dtype), part.bias.detach().to(dtype)) for part in products)
    first, last = ((norm.weight.detach(), norm.bias.detach()) for norm in norms)
    return *(part.detach().to(dtype) for part in joined), *outputs, *first, *up, *down, *last
