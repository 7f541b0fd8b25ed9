"""The forward pass of a BERT on texts one behind the other: no padding, no mask, one product for queries, keys and values.

Texts of one length stand side by side. All that a layer does to single tokens is done to all tokens of the batch at once; only
attention goes from length to length. Sums stay in float32 where the products are in bfloat16, which keeps the drift small.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinfolk.encoders.affine import Affine

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_ARCHITECTURES = ("BertModel", "RobertaModel", "XLMRobertaModel")
_POOLINGS = ("mean", "cls")


# Up to this length two products of all heads at once are faster in bfloat16 than the kernel of attention, which goes from
# head to head: 1.7 times for 12 tokens, 1.3 times for 40. In float32 the kernel is.
_SHORT = 64


class _Layer(NamedTuple):
    heads: int
    inputs: Affine  # queries, keys and values
    outputs: Affine
    norm: nn.LayerNorm
    up: Affine  # with the activation
    down: Affine
    last_norm: nn.LayerNorm


class Run(NamedTuple):
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
        self._layers = [_layer(layer, bert.config.hidden_act, dtype) for layer in bert.encoder.layer]
        self._takes_first = pooling_of(model) == "cls"

    @torch.inference_mode()
    def __call__(self, texts: Sequence[Sequence[int]]) -> Tensor:
        """Features of texts, float32 (texts, dim), not of unit length.

        Args:
            texts: numbers of their tokens, with the special ones, at least one a text; fastest where equal lengths are neighbors.
        """
        runs = list(runs_of(texts))
        numbers = torch.tensor(list(chain.from_iterable(texts)), device=self._embeddings.word_embeddings.weight.device)
        states = torch.cat([self._embeddings(numbers[run.tokens].view(-1, run.length)).flatten(0, 1) for run in runs])
        for layer in self._layers:
            attended = _attend(layer.inputs(states), layer.heads, runs)
            states = layer.norm(states.add_(layer.outputs(attended)))
            states = layer.last_norm(states.add_(layer.down(layer.up(states))))
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
        pooling_of(model) in _POOLINGS
        and model.default_prompt_name is None
        and not getattr(model[0], "do_lower_case", False)
        and not config.is_decoder
        and getattr(config, "position_embedding_type", "absolute") == "absolute"
        # adapters and quantized weights stand in place of plain layers
        and all(type(product) is nn.Linear for layer in bert.encoder.layer for product in products(layer))
    )


def pooling_of(model: SentenceTransformer) -> str:
    """The name of what a model does with the vectors of the tokens."""
    pooling = model[1]
    return str(pooling.pooling_mode if hasattr(pooling, "pooling_mode") else pooling.get_pooling_mode_str())  # before 5


def products(layer: Any) -> tuple[nn.Linear, ...]:
    """Of a layer of BERT: queries, keys, values, what follows attention, up and down."""
    attention = layer.attention.self
    behind = (layer.attention.output.dense, layer.intermediate.dense, layer.output.dense)
    return attention.query, attention.key, attention.value, *behind


def _layer(layer: Any, activation_name: object, dtype: torch.dtype) -> _Layer:
    query, key, value, outputs, up, down = products(layer)
    activation = layer.intermediate.intermediate_act_fn
    return _Layer(
        layer.attention.self.num_attention_heads,
        Affine((query, key, value), dtype=dtype),
        Affine((outputs,), dtype=dtype),
        layer.attention.output.LayerNorm,
        Affine((up,), dtype=dtype, activation=activation, name=activation_name),
        Affine((down,), dtype=dtype),
        layer.output.LayerNorm,
    )


def runs_of(texts: Sequence[Sequence[int]]) -> Iterator[Run]:
    """The texts of one length that are neighbors, from the first to the last."""
    token, row = 0, 0
    for length, group in groupby(map(len, texts)):
        count = sum(1 for _ in group)
        yield Run(slice(token, token + count * length), slice(row, row + count), length)
        token, row = token + count * length, row + count


def _attend(inputs: Tensor, heads: int, runs: Sequence[Run]) -> Tensor:
    """What each token takes from the tokens of its text, (tokens, width).

    Args:
        inputs: queries, keys and values, (tokens, 3 · width).
        heads: of attention.
        runs: the texts.
    """
    width = inputs.shape[1] // 3
    attended = inputs.new_empty((len(inputs), width))
    for run in runs:
        query, key, value = inputs[run.tokens].view(-1, run.length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        at_once = run.length <= _SHORT and inputs.dtype is torch.bfloat16 and inputs.device.type == "cpu"
        taken = _attend_at_once(query, key, value) if at_once else F.scaled_dot_product_attention(query, key, value)
        attended[run.tokens].view(-1, run.length, heads, width // heads).copy_(taken.transpose(1, 2))
    return attended


def _attend_at_once(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention by two products over all texts and heads; each (texts, heads, length, width of a head)."""
    texts, heads, length, width = query.shape
    query, key, value = (part.reshape(-1, length, width) for part in (query, key, value))
    nothing = query.new_empty((1, 1, 1))
    likeness = torch.baddbmm(nothing, query, key.transpose(1, 2), beta=0, alpha=width**-0.5)
    return torch.bmm(torch.softmax(likeness, -1), value).view(texts, heads, length, width)
