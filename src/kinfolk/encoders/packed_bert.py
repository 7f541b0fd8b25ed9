"""The forward pass of a BERT on texts one behind the other: no padding, no mask, one product for queries, keys and values.

Texts of one length stand side by side. All that a layer does to single tokens is done to all tokens of the batch at once; only
attention goes from length to length. Sums stay in float32 where the products are in bfloat16, which keeps the drift small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_ARCHITECTURES = ("BertModel", "RobertaModel", "XLMRobertaModel")
_POOLINGS = ("mean", "cls")


class _Affine(NamedTuple):
    weight: Tensor
    bias: Tensor

    def __call__(self, states: Tensor) -> Tensor:
        return F.linear(states.to(self.weight.dtype), self.weight, self.bias)


class _Layer(NamedTuple):
    heads: int
    inputs: _Affine  # queries, keys and values
    outputs: _Affine
    norm: nn.LayerNorm
    up: _Affine
    activation: Callable[[Tensor], Tensor]
    down: _Affine
    last_norm: nn.LayerNorm


class _Run(NamedTuple):
    """Tokens of neighboring texts of one length."""

    tokens: slice
    texts: slice
    length: int


class PackedBert:
    """What a sentence-transformers model of this architecture does between the tokens and the unit vectors.

    Args:
        model: one for which ``is_packable`` holds; its weights are copied.
        dtype: of the matrix products.
    """

    def __init__(self, model: SentenceTransformer, *, dtype: torch.dtype) -> None:
        bert = model[0].auto_model
        self._embeddings = bert.embeddings
        self._layers = [_layer(layer, dtype) for layer in bert.encoder.layer]
        self._takes_first = _pooling(model) == "cls"

    @torch.inference_mode()
    def __call__(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Features of texts, float32 (texts, dim), not of unit length.

        Args:
            texts: numbers of their tokens, with the special ones, at least one a text; fastest where equal lengths are neighbors.
        """
        runs = list(_runs(texts))
        numbers = torch.tensor(list(chain.from_iterable(texts)), device=self._embeddings.word_embeddings.weight.device)
        states = torch.cat([self._embeddings(numbers[run.tokens].view(-1, run.length)).flatten(0, 1) for run in runs])
        for layer in self._layers:
            attended = _attend(layer.inputs(states), layer.heads, runs)
            states = layer.norm(states + layer.outputs(attended))
            states = layer.last_norm(states + layer.down(layer.activation(layer.up(states))))
        features = states.new_empty((len(texts), states.shape[1]))
        for run in runs:
            of_texts = states[run.tokens].view(-1, run.length, states.shape[1])
            features[run.texts] = of_texts[:, 0] if self._takes_first else of_texts.mean(1)
        return features


def is_packable(model: SentenceTransformer) -> bool:
    """Whether ``PackedBert`` does all that a model does: a plain encoder, one pooling, and at most a normalization behind it."""
    bert = getattr(model[0], "auto_model", None)
    behind = [type(module).__name__ for module in list(model)[1:]]
    if type(bert).__name__ not in _ARCHITECTURES or behind not in (["Pooling"], ["Pooling", "Normalize"]):
        return False
    assert bert is not None
    config = bert.config
    return (
        _pooling(model) in _POOLINGS
        and model.default_prompt_name is None
        and not getattr(model[0], "do_lower_case", False)
        and not config.is_decoder
        and getattr(config, "position_embedding_type", "absolute") == "absolute"
        # adapters and quantized weights stand in place of plain layers
        and all(type(product) is nn.Linear for layer in bert.encoder.layer for product in _products(layer))
    )


def _pooling(model: SentenceTransformer) -> str:
    pooling = model[1]
    return str(pooling.pooling_mode if hasattr(pooling, "pooling_mode") else pooling.get_pooling_mode_str())  # before 5


def _products(layer: Any) -> tuple[nn.Linear, ...]:
    attention = layer.attention.self
    behind = (layer.attention.output.dense, layer.intermediate.dense, layer.output.dense)
    return attention.query, attention.key, attention.value, *behind


def _layer(layer: Any, dtype: torch.dtype) -> _Layer:
    query, key, value, outputs, up, down = _products(layer)
    return _Layer(
        layer.attention.self.num_attention_heads,
        _affine(dtype, query, key, value),
        _affine(dtype, outputs),
        layer.attention.output.LayerNorm,
        _affine(dtype, up),
        layer.intermediate.intermediate_act_fn,
        _affine(dtype, down),
        layer.output.LayerNorm,
    )


def _affine(dtype: torch.dtype, *parts: nn.Linear) -> _Affine:
    weight = torch.cat([part.weight.detach() for part in parts]).to(dtype)
    return _Affine(weight, torch.cat([part.bias.detach() for part in parts]).to(dtype))


def _runs(texts: Sequence[Sequence[int]]) -> Iterator[_Run]:
    token, row = 0, 0
    for length, group in groupby(map(len, texts)):
        count = sum(1 for _ in group)
        yield _Run(slice(token, token + count * length), slice(row, row + count), length)
        token, row = token + count * length, row + count


def _attend(inputs: Tensor, heads: int, runs: Sequence[_Run]) -> Tensor:
    """What each token takes from the tokens of its text, (tokens, width).

    Args:
        inputs: queries, keys and values, (tokens, 3 · width).
        heads: of attention.
        runs: the texts.
    """
    attended = []
    for run in runs:
        query, key, value = (
            inputs[run.tokens].view(-1, run.length, 3, heads, inputs.shape[1] // (3 * heads)).permute(2, 0, 3, 1, 4)
        )
        attended.append(F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2).flatten(0, 1))
    return torch.cat(attended)
